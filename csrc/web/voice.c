/* Voices: what an utterance begins with, of a state, of a recording, or of rows. See models/pocket/voice.py. */
#include <math.h>
#include <string.h>

#include "web/model.h"

static const float LARGEST = 1e12f;     /* of a key or a value: what all layers add up of it still has a square */
static const float LARGEST_ROW = 1e15f; /* of an embedding: the layers norm it first */

pw_voice *pw_voice_new(pw_model *model, int positions) {
    pw_begin_call();
    if (positions < 1 || positions > 1 << 20) {
        pw_fail(PW_BAD_VOICE, "a voice of %d positions, expected at least 1", positions);
        return NULL;
    }
    pw_arena arena = {0};
    pw_voice *voice = PW_TAKE(&arena, pw_voice, 1);
    if (!voice) return NULL;
    *voice = (pw_voice){.model = model, .positions = positions, .arena = arena};
    voice->span.capacity = pw_panels(positions) * PF_PANEL;
    const size_t bytes = pw_span_bytes(&model->backbone.transformer.shape, voice->span.capacity);
    voice->span.data = PW_TAKE(&voice->arena, char, bytes);
    if (voice->span.data && !pw_make_score_room(model, 0, positions)) return voice;
    pw_voice_free(voice);
    return NULL;
}

void pw_voice_free(pw_voice *voice) {
    if (!voice) return;
    pw_model *model = voice->model;
    if (model->hearing == voice) model->hearing = NULL;
    if (model->speech.voice == voice) model->speech.voice = NULL, model->speech.done = 1;
    pw_arena arena = voice->arena; /* the voice lies in it, too */
    pw_release(&arena);
}

int pw_voice_left(const pw_voice *voice) { return voice->positions - voice->span.length; }

static int is_possible(const float *x, int n, float most) {
    float sum = 0; /* of ones: NaN fails every comparison */
    for (int i = 0; i < n; i++) sum += fabsf(x[i]) <= most;
    return sum == (float)n;
}

int pw_voice_layer(pw_voice *voice, int layer, const void *cache, int dtype, int length) {
    pw_begin_call();
    const pw_shape_transformer *s = &voice->model->backbone.transformer.shape;
    const pw_numbers numbers = {cache, dtype};
    const ptrdiff_t values_at = (ptrdiff_t)length * s->kv_heads * s->dim;
    float *k = voice->model->backbone.transformer.qkv, *v = k + s->dim;
    if (layer != voice->layers || layer >= s->layers || voice->span.length)
        return pw_fail(PW_BAD_CALL, "layer %d of a voice came out of turn", layer);
    if (length < voice->positions || dtype < PW_FLOAT32 || dtype > PW_FLOAT16)
        return pw_fail(PW_BAD_VOICE, "layer %d has %d positions, expected %d", layer, length, voice->positions);
    for (int t = 0; t < voice->positions; t++)
        for (int h = 0; h < s->kv_heads; h++) {
            const ptrdiff_t at = ((ptrdiff_t)t * s->kv_heads + h) * s->dim;
            for (int c = 0; c < s->dim; c++) { /* pairs (2i, 2i + 1) of a key become halves */
                k[c % 2 * (s->dim / 2) + c / 2] = pw_number(&numbers, at + c);
                v[c] = pw_number(&numbers, values_at + at + c);
            }
            if (!is_possible(k, 2 * s->dim, LARGEST))
                return pw_fail(PW_BAD_VOICE, "layer %d holds NaN, infinity or an impossible number; export it again",
                               layer);
            pw_put(s, &voice->span, layer, h, t, k, v);
        }
    if (++voice->layers == s->layers) voice->span.length = voice->positions;
    return 0;
}

int pw_voice_read(const pw_voice *voice, int layer, float *cache) {
    pw_begin_call();
    const pw_shape_transformer *s = &voice->model->backbone.transformer.shape;
    float *k = voice->model->backbone.transformer.qkv;
    if (layer < 0 || layer >= s->layers || pw_voice_left(voice))
        return pw_fail(PW_BAD_CALL, "layer %d of a voice that is not complete, or of none", layer);
    for (int t = 0; t < voice->positions; t++)
        for (int h = 0; h < s->kv_heads; h++) {
            float *keys = cache + ((ptrdiff_t)t * s->kv_heads + h) * s->dim;
            pw_get(s, &voice->span, layer, h, t, k, keys + (ptrdiff_t)voice->positions * s->kv_heads * s->dim);
            for (int c = 0; c < s->dim; c++) keys[c] = k[c % 2 * (s->dim / 2) + c / 2];
        }
    return 0;
}

/* Whether `rows` more rows may come now. */
static int accept(const pw_voice *voice, int rows) {
    pw_begin_call();
    if (rows < 1 || rows > PW_MOST_FRAMES)
        return pw_fail(PW_BAD_CALL, "%d rows at once, expected 1 to %d", rows, PW_MOST_FRAMES);
    if (rows > pw_voice_left(voice) || voice->layers)
        return pw_fail(PW_BAD_CALL, "%d more rows for a voice that lacks %d", rows, pw_voice_left(voice));
    return 0;
}

int pw_voice_rows(pw_voice *voice, const float *embeddings, int rows) {
    pw_backbone *b = &voice->model->backbone;
    if (accept(voice, rows)) return pw_failed();
    if (!is_possible(embeddings, rows * b->transformer.shape.d, LARGEST_ROW))
        return pw_fail(PW_BAD_VOICE, "its rows hold NaN, infinity or an impossible number; export it again");
    pw_hear_rows(b, NULL, &voice->span, embeddings, rows);
    return 0;
}

int pw_voice_hear(pw_voice *voice, const float *pcm, int frames) {
    pw_model *model = voice->model;
    const int begins = !voice->span.length;
    if (!model->plan.cloning) return pw_begin_call(), pw_fail(PW_BAD_VOICE, "this model's weights cannot clone voices");
    if (accept(voice, frames)) return pw_failed();
    if (begins) {
        pw_forget_encoder(&model->encoder);
        model->hearing = voice;
        if (model->backbone.bos_voice) pw_hear_rows(&model->backbone, NULL, &voice->span, model->backbone.bos_voice, 1);
        if (accept(voice, frames)) return pw_failed();
    }
    if (model->hearing != voice) return pw_fail(PW_BAD_CALL, "another recording was begun in between");
    for (int i = 0; i < frames; i++)
        pw_encode_frame(&model->encoder, pcm + (size_t)i * model->encoder.samples,
                        model->latents + i * model->encoder.speaker);
    if (!is_possible(model->latents, frames * model->encoder.speaker, LARGEST_ROW))
        return pw_fail(PW_BAD_VOICE, "the recording holds NaN, infinity or an impossible number");
    pw_hear_voice(&model->backbone, &voice->span, model->latents, frames);
    return 0;
}
