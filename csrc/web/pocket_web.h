/* pocket_web.h: Pocket TTS for one listener and one thread, as a page or a C program drives it.
 *
 *   bundle --pw_open--> model --pw_begin, pw_prompt, pw_predict, pw_decode--> frames of samples
 *   recording or state --pw_voice...--> voice, which pw_begin starts from
 *
 * A bundle is one file, see docs/web-bundle.md; text, tokens and pauses are the caller's. Every function is an
 * export of the WebAssembly module, which has no imports: pointers and size_t are 32-bit offsets into its memory,
 * `double` and `float` are numbers. Memory may grow whenever this page says "allocates", and what JavaScript
 * holds of it (a Float32Array on `memory.buffer`) has to be made anew then. pw_prompt, pw_predict and pw_decode
 * never allocate.
 *
 * Functions that return int: below 0 is one of the PW_ errors. Those that return a pointer: NULL is an error. Then
 * pw_error() says what came and what was expected.
 */
#ifndef POCKET_WEB_H
#define POCKET_WEB_H

#include <stddef.h>
#include <stdint.h>

enum { PW_VERSION = 1 }; /* of this interface and of the bundle */

enum pw_status {
    PW_NO_MEMORY = -1,   /* an allocation failed */
    PW_BAD_BUNDLE = -2,  /* foreign, truncated, damaged, or of another version */
    PW_BAD_VOICE = -3,   /* does not fit the model */
    PW_BAD_CALL = -4,    /* an argument out of range, or a call out of turn */
};

typedef struct pw_model pw_model; /* a loaded bundle and the one utterance that it speaks */
typedef struct pw_voice pw_voice; /* keys and values that utterances begin with; read-only once it is complete */

/* --- memory ------------------------------------------------------------------------------------------- */

/* `bytes` at a multiple of 64, or NULL. Allocates. */
void *pw_alloc(size_t bytes);
void pw_free(void *memory);

/* Of the last error: UTF-8, NUL at the end. Valid until the next call. */
const char *pw_error(void);

/* --- loading ------------------------------------------------------------------------------------------
 * Read the first PW_HEADER bytes of the stream into memory and ask pw_bundle_bytes(); pw_alloc() so many, put the
 * header there and every block behind it as it arrives, with crc = pw_crc32(crc, block, n) for each block that
 * follows the header (from 0); then pw_open(). There is no second copy: the model uses the bundle where it lies. */

enum { PW_HEADER = 64 };

/* CRC-32 as zlib's: pw_crc32(0, ...) begins. */
uint32_t pw_crc32(uint32_t crc, const uint8_t *data, size_t bytes);

/* Bytes of the whole file by its first PW_HEADER; 0 if it is no bundle of this version (see pw_error). */
double pw_bundle_bytes(const uint8_t *header);

/* A model of `bytes` that have arrived at `bundle`, with their pw_crc32. Allocates what is widened and all working
 * memory. The bundle must stay where it is until pw_close(), which does not free it. */
pw_model *pw_open(uint8_t *bundle, size_t bytes, uint32_t crc);
void pw_close(pw_model *model);

/* --- voices -------------------------------------------------------------------------------------------
 * From a state: pw_voice_new(model, positions), then pw_voice_layer() for every layer.
 * From a recording: pw_voice_new(model, frames + (1 if the model has bos_before_voice)), then pw_voice_hear() from
 * beginning to end, in whole frames. From the rows of an `audio_prompt`: the same with pw_voice_rows().
 * A voice is complete when all its positions are there. It belongs to the model it was made with. */

/* Room for a voice of so many positions. Allocates. */
pw_voice *pw_voice_new(pw_model *model, int positions);
void pw_voice_free(pw_voice *voice); /* must not be in use by an utterance that is not at its end */

/* PW_FLOAT32 ... : what the numbers of a tensor are */
enum pw_dtype { PW_FLOAT32 = 0, PW_BFLOAT16 = 1, PW_FLOAT16 = 2 };

/* Layer `layer` of a state: `cache` (2, 1, length, kv_heads, head_dim) of `dtype`, keys after rotation in the order
 * of the file, values; its first voice->positions places are used, length >= positions. */
int pw_voice_layer(pw_voice *voice, int layer, const void *cache, int dtype, int length);

/* The next `frames` (1 to PW_MOST_FRAMES) of a recording: samples_per_frame float32 each, mono, at the model's rate.
 * PW_BAD_VOICE if the model cannot clone. */
enum { PW_MOST_FRAMES = 16 };
int pw_voice_hear(pw_voice *voice, const float *pcm, int frames);

/* The next `rows` (1 to PW_MOST_FRAMES) embeddings (rows, width) float32. */
int pw_voice_rows(pw_voice *voice, const float *embeddings, int rows);

/* Positions that are not there yet; 0: complete. */
int pw_voice_left(const pw_voice *voice);

/* Layer `layer` of a complete voice as pw_voice_layer takes it, float32: (2, 1, positions, kv_heads, head_dim). */
int pw_voice_read(const pw_voice *voice, int layer, float *cache);

/* --- one utterance ------------------------------------------------------------------------------------- */

/* What the next pw_begin() draws its noise from: the words of a NumPy SeedSequence. A chunk of a text seeded with s
 * has (s, number of the chunk among the chunks, from 0): both as little-endian uint32 words, lowest first, as many as
 * each number needs and at least one (5 -> [5], 2^32 -> [0, 1]), one after the other. */
int pw_seed(pw_model *model, const uint32_t *words, int n);

/* Begin a chunk of `n` token ids after `voice` (NULL: none). It ends max_frames later at the latest, and
 * frames_after_eos frames after an end of speech above eos_threshold. temperature: variance of the noise;
 * noise_clamp: no noise beyond plus or minus it, 0 for none; steps: of the sampler, at least 1. What was being
 * spoken before is dropped. Allocates if no utterance of so many tokens and frames was begun before. */
int pw_begin(pw_model *model, const pw_voice *voice, const int32_t *tokens, int n, int max_frames,
             int frames_after_eos, double eos_threshold, double temperature, double noise_clamp, int steps);

/* Take in at most `rows` more tokens. Returns how many are left: predict when that is 0. */
int pw_prompt(pw_model *model, int rows);

/* Draw the next frame: 1, or 0 when the utterance is over. */
int pw_predict(pw_model *model);

/* The sound of the frame just drawn: samples_per_frame float32, valid until the next call. The first of an utterance
 * fades in over 5 ms. */
const float *pw_decode(pw_model *model);

/* Frames drawn so far; whether the utterance's end of speech was heard (0: max_frames cut it). */
int pw_frames(const pw_model *model);
int pw_heard_eos(const pw_model *model);

/* --- the stages one by one, for tests and measurements ------------------------------------------------------ */

/* A frame of the utterance that was begun: the latent before it -> what conditions the flow head. */
int pw_stage_step(pw_model *model, const float *latent, float *hidden);
/* hidden, noise -> latent, in as many steps as pw_begin() was given. Returns the logit of end of speech. */
float pw_stage_sample(pw_model *model, const float *hidden, const float *noise, float *latent);
/* The decoder's next frame after those since pw_begin(), without the fade. */
const float *pw_stage_decode(pw_model *model, const float *latent);
/* The encoder's next frame; first: of a recording. */
int pw_stage_encode(pw_model *model, const float *pcm, int first, float *latent);
/* Noise as pw_predict() draws it. */
void pw_stage_noise(pw_model *model, float *out, int n, double temperature, double clamp);

#endif
