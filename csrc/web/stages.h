/* stages.h: the four stages of a Pocket TTS model, as tests/reference has them, for one listener. */
#ifndef PW_STAGES_H
#define PW_STAGES_H

#include "web/parts.h"

/* backbone.c: text, voice and latents in; one conditioning vector per frame out */
typedef struct pw_backbone {
    pw_transformer transformer;
    pw_linear input_linear, speaker_proj, embed_proj, z_proj; /* n 0: there is none */
    const float *norm_weight, *norm_bias;
    const float *bos_latent, *bos_voice; /* what a step takes in place of frame -1; what precedes a voice, or NULL */
    pw_numbers table;                    /* (vocabulary, rank or d) */
    int vocabulary, table_width;
    const pw_prepared *prepared;
    float *rows; /* (most_rows, table_width): of the table */
} pw_backbone;

void pw_read_backbone(pw_backbone *b, pw_reader *r, const pw_plan *plan, int most_rows, const pw_prepared *prepared);
/* Append `n` tokens (at most most_rows), all of them in the table, to `own`. */
void pw_hear_tokens(pw_backbone *b, const pw_span *prefix, pw_span *own, const int32_t *tokens, int n);
/* The same of rows (n, d). */
void pw_hear_rows(pw_backbone *b, const pw_span *prefix, pw_span *own, const float *rows, int n);
/* The same of encoder latents (n, speaker), without bos_voice. */
void pw_hear_voice(pw_backbone *b, pw_span *own, const float *latents, int n);
/* One frame: the latent before it (latent,) -> hidden (z or d,). */
void pw_step_backbone(pw_backbone *b, const pw_span *prefix, pw_span *own, const float *latent, float *hidden);

/* flow_head.c: hidden vector and noise in; latent and logit of end of speech out */
typedef struct pw_time_embedding {
    const float *freqs, *bias1, *bias2, *alpha;
    pw_numbers weight1, weight2;
} pw_time_embedding;

typedef struct pw_res_block {
    pw_linear up, down;
    const float *norm_weight, *norm_bias;
} pw_res_block;

typedef struct pw_flow_head {
    pw_linear cond_embed, input_proj, modulation, last, eos;
    pw_res_block *blocks;
    int sampler, depth, width, latent, n_times;
    pw_time_embedding times[2];
    int steps;          /* that time_rows are of */
    int most_steps;     /* that there is room for */
    float *time_rows;   /* (steps, width): the mean of the time embeddings at each step */
    double *time_work;  /* 2 * width + 2 * PW_FREQUENCIES */
    pw_arena *arena;
    const pw_prepared *prepared;
    float *condition, *modulated, *x, *up, *normed, *share;
} pw_flow_head;

enum { PW_FREQUENCIES = 128 }; /* sines and cosines each, of a time embedding */

void pw_read_flow_head(pw_flow_head *f, pw_reader *r, const pw_plan *plan, const pw_prepared *prepared);
/* Makes ready for so many steps of the sampler. Allocates if there were never so many. Returns 0 or a status. */
int pw_set_steps(pw_flow_head *f, int steps);
/* hidden (z or d,), noise (latent,) -> latent (latent,); returns the logit. */
float pw_sample(pw_flow_head *f, const float *hidden, const float *noise, float *latent);

/* codec.c */
typedef struct pw_middle { /* a windowed transformer between projections where widths differ */
    pw_transformer transformer;
    pw_linear input_proj, output_proj;
    pw_span keys;
    int width;
} pw_middle;

typedef struct pw_decoder {
    pw_linear output_proj;
    const float *std, *mean, *w_old, *w_new; /* w_new, w_old (steps, width): the upsampling; NULL for one step */
    pw_middle middle;
    pw_chain chain;
    int latent, width, steps;
    const pw_prepared *prepared;
    float *scaled, *now, *before, *upsampled; /* before: the projected latent of the last frame */
} pw_decoder;

typedef struct pw_encoder {
    pw_chain front, down;
    pw_middle middle;
    int samples, steps, speaker;
    const pw_prepared *prepared;
} pw_encoder;

void pw_read_decoder(pw_decoder *d, pw_reader *r, const pw_plan *plan, const pw_prepared *prepared);
void pw_forget_decoder(pw_decoder *d); /* as new */
/* The next frame: latent (latent,) as the flow head gives it -> its samples, valid until the next call. */
const float *pw_decode_frame(pw_decoder *d, const float *latent);

void pw_read_encoder(pw_encoder *e, pw_reader *r, const pw_plan *plan, const pw_prepared *prepared);
void pw_forget_encoder(pw_encoder *e);
/* The next frame: samples -> its latent (speaker,). */
void pw_encode_frame(pw_encoder *e, const float *samples, float *latent);

#endif
