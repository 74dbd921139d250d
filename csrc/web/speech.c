/* A model, and the one utterance that it speaks: the frame loop of models/pocket/pipeline.py. */
#include <string.h>

#include "web/model.h"

enum {
    FRAMES_BEFORE_EOS = 6, /* end of speech is ignored so long: before speech starts, some voices cross the threshold */
    FADES_PER_SECOND = 200,
    PROMPT_ROWS = 64, /* of a prompt in one go: the weights come from memory once for them all */
    MOST_POSITIONS = 1 << 20
};

pw_model *pw_open(uint8_t *bundle, size_t bytes, uint32_t crc) {
    pw_begin_call();
    pw_arena arena = {0};
    pw_model *m = PW_TAKE(&arena, pw_model, 1);
    if (!m) return NULL;
    m->arena = arena;
    pw_reader reader = {.arena = &m->arena};
    const pw_plan *plan = &m->plan;
    if (!pw_read_plan(&m->plan, &reader, bundle, bytes, crc)) {
        pw_read_backbone(&m->backbone, &reader, plan, PROMPT_ROWS, &m->prepared);
        pw_read_flow_head(&m->flow_head, &reader, plan, &m->prepared);
        pw_read_decoder(&m->decoder, &reader, plan, &m->prepared);
        if (plan->cloning) pw_read_encoder(&m->encoder, &reader, plan, &m->prepared);
        if (!pw_failed() && reader.next != reader.count)
            pw_fail(PW_BAD_BUNDLE, "it has %d tensors, its plan has %d", reader.count, reader.next);
    }
    if (!pw_failed()) {
        const pw_shape_transformer *t = &plan->backbone;
        const int hidden = plan->z ? plan->z : t->d;
        const int widest = pw_max(pw_max(pw_max(t->d, t->feed), t->heads * t->dim), pw_max(hidden, plan->flow_dim));
        m->prepared.rows = PW_TAKE(&m->arena, int8_t, (size_t)PROMPT_ROWS * pw_quantized(pw_max(widest, plan->latent)));
        m->prepared.scales = PW_TAKE(&m->arena, float, PROMPT_ROWS);
        m->latents = PW_TAKE(&m->arena, float, (size_t)PW_MOST_FRAMES * plan->speaker);
        m->hidden = PW_TAKE(&m->arena, float, hidden);
        m->noise = PW_TAKE(&m->arena, float, plan->latent);
        m->drawn = PW_TAKE(&m->arena, float, plan->latent);
        m->speech.latent = PW_TAKE(&m->arena, float, plan->latent);
        m->speech.done = 1;
        pw_random_seed(&m->random, NULL, 0);
    }
    if (!pw_failed()) return m;
    pw_close(m);
    return NULL;
}

void pw_close(pw_model *m) {
    if (!m) return;
    pw_release(&m->speech_room);
    pw_release(&m->score_room);
    pw_arena arena = m->arena; /* the model lies in it, too */
    pw_release(&arena);
}

int pw_make_score_room(pw_model *m, int prefix, int own) {
    const size_t floats = pw_score_floats(prefix, own);
    if (floats <= m->score_floats) return 0;
    pw_release(&m->score_room);
    m->backbone.transformer.scores = PW_TAKE(&m->score_room, float, floats);
    m->score_floats = m->backbone.transformer.scores ? floats : 0;
    return pw_failed();
}

int pw_seed(pw_model *m, const uint32_t *words, int n) {
    pw_random_seed(&m->random, words, n);
    return 0;
}

/* Room for the tokens of an utterance, and for its keys and values. */
static int make_room(pw_model *m, int positions, int prefix) {
    pw_utterance *u = &m->speech;
    if (positions > u->own.capacity) {
        const int capacity = pw_panels(positions) * PF_PANEL;
        pw_release(&m->speech_room);
        u->own.capacity = 0;
        u->tokens = PW_TAKE(&m->speech_room, int32_t, capacity);
        u->own.data = PW_TAKE(&m->speech_room, char, pw_span_bytes(&m->backbone.transformer.shape, capacity));
        if (pw_failed()) return pw_failed();
        u->own.capacity = capacity;
    }
    return pw_make_score_room(m, prefix, u->own.capacity);
}

int pw_begin(pw_model *m, const pw_voice *voice, const int32_t *tokens, int n, int max_frames, int frames_after_eos,
             double eos_threshold, double temperature, double noise_clamp, int steps) {
    pw_begin_call();
    pw_utterance *u = &m->speech;
    u->done = 1;
    if (n < 0 || max_frames < 1 || n > MOST_POSITIONS - max_frames)
        return pw_fail(PW_BAD_CALL, "%d tokens and at most %d frames, expected less", n, max_frames);
    if (frames_after_eos < 0 || steps < 1 || !(temperature >= 0) || !(noise_clamp >= 0))
        return pw_fail(PW_BAD_CALL, "frames_after_eos, steps, temperature or noise_clamp are out of range");
    if (voice && (voice->model != m || pw_voice_left(voice)))
        return pw_fail(PW_BAD_VOICE, "a voice of another model, or one that is not complete");
    for (int i = 0; i < n; i++)
        if (tokens[i] < 0 || tokens[i] >= m->plan.vocabulary)
            return pw_fail(PW_BAD_CALL, "token %d, the table has %d", (int)tokens[i], m->plan.vocabulary);
    if (make_room(m, n + max_frames, voice ? voice->span.length : 0) || pw_set_steps(&m->flow_head, steps))
        return pw_failed();
    memcpy(u->tokens, tokens, sizeof(int32_t) * n);
    memcpy(u->latent, m->backbone.bos_latent, sizeof(float) * m->plan.latent);
    u->voice = voice;
    u->n_tokens = n, u->taken = 0, u->own.length = 0;
    u->max_frames = max_frames, u->frames_after_eos = frames_after_eos;
    u->eos_threshold = eos_threshold, u->temperature = temperature, u->noise_clamp = noise_clamp;
    u->frames = u->drawn = u->done = 0;
    u->ends_at = -1;
    pw_forget_decoder(&m->decoder);
    return 0;
}

static const pw_span *prefix_of(const pw_utterance *u) { return u->voice ? &u->voice->span : NULL; }

int pw_prompt(pw_model *m, int rows) {
    pw_utterance *u = &m->speech;
    while (rows > 0 && u->taken < u->n_tokens && !u->done) {
        const int n = pw_min(pw_min(rows, PROMPT_ROWS), u->n_tokens - u->taken);
        pw_hear_tokens(&m->backbone, prefix_of(u), &u->own, u->tokens + u->taken, n);
        u->taken += n;
        rows -= n;
    }
    return u->n_tokens - u->taken;
}

int pw_predict(pw_model *m) {
    pw_begin_call();
    pw_utterance *u = &m->speech;
    u->drawn = 0;
    if (u->done) return 0;
    if (u->taken < u->n_tokens)
        return pw_fail(PW_BAD_CALL, "%d tokens are to be taken in first", u->n_tokens - u->taken);
    pw_step_backbone(&m->backbone, prefix_of(u), &u->own, u->latent, m->hidden);
    pw_noise(&m->random, m->noise, m->plan.latent, u->temperature, u->noise_clamp);
    const float logit = pw_sample(&m->flow_head, m->hidden, m->noise, m->drawn);
    if (u->ends_at < 0 && u->frames >= FRAMES_BEFORE_EOS && (double)logit > u->eos_threshold)
        u->ends_at = u->frames + u->frames_after_eos;
    u->done = u->frames == u->ends_at; /* then this frame is already past the end */
    if (u->done) return 0;
    memcpy(u->latent, m->drawn, sizeof(float) * m->plan.latent);
    u->frames++;
    u->done = u->frames == u->ends_at || u->frames == u->max_frames;
    u->drawn = 1;
    return 1;
}

const float *pw_decode(pw_model *m) {
    pw_begin_call();
    pw_utterance *u = &m->speech;
    if (!u->drawn) return pw_fail(PW_BAD_CALL, "no frame was drawn since the last one"), NULL;
    u->drawn = 0;
    pw_decode_frame(&m->decoder, u->latent);
    float *samples = pw_rows_of(&m->decoder.chain, m->decoder.chain.output);
    if (u->frames == 1) { /* a fresh decoder starts with a small step */
        const int fade = m->plan.sample_rate / FADES_PER_SECOND;
        for (int i = 0; i < pw_min(fade, m->plan.samples_per_frame); i++)
            samples[i] *= i + 1 == fade && fade > 1 ? 1.0f : (float)(i * (1.0 / pw_max(fade - 1, 1)));
    }
    return samples;
}

int pw_frames(const pw_model *m) { return m->speech.frames; }
int pw_heard_eos(const pw_model *m) { return m->speech.ends_at >= 0; }

int pw_stage_step(pw_model *m, const float *latent, float *hidden) {
    pw_begin_call();
    pw_utterance *u = &m->speech;
    if (u->done || u->taken < u->n_tokens || u->own.length >= u->own.capacity)
        return pw_fail(PW_BAD_CALL, "no utterance is at the point where a frame can be drawn");
    pw_step_backbone(&m->backbone, prefix_of(u), &u->own, latent, hidden);
    return 0;
}

float pw_stage_sample(pw_model *m, const float *hidden, const float *noise, float *latent) {
    return pw_sample(&m->flow_head, hidden, noise, latent);
}

const float *pw_stage_decode(pw_model *m, const float *latent) { return pw_decode_frame(&m->decoder, latent); }

int pw_stage_encode(pw_model *m, const float *pcm, int first, float *latent) {
    pw_begin_call();
    if (!m->plan.cloning) return pw_fail(PW_BAD_VOICE, "this model's weights cannot clone voices");
    if (first) pw_forget_encoder(&m->encoder);
    m->hearing = NULL;
    pw_encode_frame(&m->encoder, pcm, latent);
    return 0;
}

void pw_stage_noise(pw_model *m, float *out, int n, double temperature, double clamp) {
    pw_noise(&m->random, out, n, temperature, clamp);
}
