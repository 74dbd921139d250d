/* model.h: what the handles of pocket_web.h stand for. */
#ifndef PW_MODEL_H
#define PW_MODEL_H

#include "web/stages.h"

struct pw_voice {
    pw_model *model;
    pw_arena arena;
    pw_span span; /* its length: positions that are there */
    int positions;
    int layers; /* of a state, that are there */
};

/* One chunk of text being spoken. */
typedef struct pw_utterance {
    const pw_voice *voice;
    int32_t *tokens;
    int n_tokens, taken; /* taken: that the backbone has heard */
    pw_span own;
    int max_frames, frames_after_eos, frames, ends_at, drawn, done; /* ends_at: frames in all, -1: not known yet */
    double eos_threshold, temperature, noise_clamp;
    float *latent; /* of the frame before; the one that was drawn */
} pw_utterance;

struct pw_model {
    pw_arena arena;
    pw_plan plan;
    pw_prepared prepared;
    pw_backbone backbone;
    pw_flow_head flow_head;
    pw_decoder decoder;
    pw_encoder encoder;
    const pw_voice *hearing; /* whose recording the encoder is in the middle of */
    float *latents;          /* (PW_MOST_FRAMES, speaker): of a recording */
    float *hidden, *noise, *drawn;
    pw_random random;
    pw_utterance speech;
    pw_arena speech_room; /* of its tokens, keys and values */
    pw_arena score_room;
    size_t score_floats;
};

/* Room for scores over so many places. Returns 0 or a status. */
int pw_make_score_room(pw_model *model, int prefix, int own);

/* transformer.c: key and value (dim,) at a place of a span, in the order in which they are remembered */
void pw_put(const pw_shape_transformer *s, pw_span *span, int layer, int head, int slot, const float *k,
            const float *v);
void pw_get(const pw_shape_transformer *s, const pw_span *span, int layer, int head, int slot, float *k, float *v);

#endif
