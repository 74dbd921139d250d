/* Kernels over one row at a time: norms, rotary embedding, softmax, depthwise convolutions. */

#ifdef __wasm__ /* a page waits for every byte of them, and a frame of speech hardly for their speed */
#define SMALL __attribute__((minsize))
#else
#define SMALL
#endif

SMALL static void norm(float *y, const float *x, int n, float eps, const float *weight, const float *bias,
                       const float *scale, const float *shift) {
    vf acc = v_set(0.0f);
    int i = 0;
    for (; i + VW <= n; i += VW) acc = v_add(acc, v_load(x + i));
    if (i < n) acc = v_add(acc, v_load_n(x + i, n - i));
    const float mean = v_sum(acc) / (float)n;

    acc = v_set(0.0f);
    for (i = 0; i + VW <= n; i += VW) {
        vf d = v_sub(v_load(x + i), v_set(mean));
        acc = v_fma(d, d, acc);
    }
    float var = v_sum(acc);
    for (; i < n; i++) var += (x[i] - mean) * (x[i] - mean);
    const float inv = 1.0f / sqrtf(var / (float)n + eps);

    for (i = 0; i < n; i += VW) {
        const int left = n - i, whole = left >= VW;
        vf v = whole ? v_load(x + i) : v_load_n(x + i, left);
        v = v_mul(v_sub(v, v_set(mean)), v_set(inv));
        if (weight) {
            vf w = whole ? v_load(weight + i) : v_load_n(weight + i, left);
            vf b = whole ? v_load(bias + i) : v_load_n(bias + i, left);
            v = v_fma(v, w, b);
        }
        if (scale) {
            vf s = whole ? v_load(scale + i) : v_load_n(scale + i, left);
            vf t = whole ? v_load(shift + i) : v_load_n(shift + i, left);
            v = v_fma(v, v_add(s, v_set(1.0f)), t);
        }
        if (whole) v_store(y + i, v);
        else v_store_n(y + i, v, left);
    }
}

static void rms_norm(float *y, const float *x, int n, float eps, const float *weight) {
    vf acc = v_set(0.0f);
    int i = 0;
    for (; i + VW <= n; i += VW) acc = v_fma(v_load(x + i), v_load(x + i), acc);
    float sum = v_sum(acc);
    for (; i < n; i++) sum += x[i] * x[i];
    const vf inv = v_set(1.0f / sqrtf(sum / (float)n + eps));
    for (i = 0; i + VW <= n; i += VW) v_store(y + i, v_mul(v_mul(v_load(x + i), inv), v_load(weight + i)));
    if (i < n) v_store_n(y + i, v_mul(v_mul(v_load_n(x + i, n - i), inv), v_load_n(weight + i, n - i)), n - i);
}

SMALL static void rope(float *x, const float *cos, const float *sin, int half) {
    float *re = x, *im = x + half;
    int i = 0;
    for (; i + VW <= half; i += VW) {
        vf a = v_load(re + i), b = v_load(im + i), c = v_load(cos + i), s = v_load(sin + i);
        v_store(re + i, v_sub(v_mul(a, c), v_mul(b, s)));
        v_store(im + i, v_add(v_mul(a, s), v_mul(b, c)));
    }
    for (; i < half; i++) {
        const float a = re[i], b = im[i];
        re[i] = a * cos[i] - b * sin[i];
        im[i] = a * sin[i] + b * cos[i];
    }
}

static void softmax(float *p, int n, float scale, int a0, int a1, int b0, int b1) {
    /* masked places: v_exp gives exactly 0 there, so they add nothing to any later sum */
    for (int i = 0; i < a0; i++) p[i] = -INFINITY;
    for (int i = a1, end = b0 < b1 ? b0 : n; i < end; i++) p[i] = -INFINITY;
    if (b0 < b1)
        for (int i = b1; i < n; i++) p[i] = -INFINITY;
    vf top = v_load(p);
    for (int i = VW; i < n; i += VW) top = v_max(top, v_load(p + i));
    const vf max = v_set(v_biggest(top)), by = v_set(scale);
    vf acc = v_set(0.0f);
    for (int i = 0; i < n; i += VW) {
        vf e = v_exp(v_mul(v_sub(v_load(p + i), max), by));
        v_store(p + i, e);
        acc = v_add(acc, e);
    }
    const vf inv = v_set(1.0f / v_sum(acc));
    for (int i = 0; i < n; i += VW) v_store(p + i, v_mul(v_load(p + i), inv));
}

SMALL static void affine(float *y, const float *x, const float *scale, const float *shift, int n) {
    for (int i = 0; i < n; i++) y[i] = x[i] * scale[i] + shift[i];
}

SMALL static void upsample(float *y, const float *old, const float *now, const float *w_old, const float *w_new,
                           int channels, int stride) {
    for (int j = 0; j < stride; j++) {
        const ptrdiff_t at = (ptrdiff_t)j * channels;
        int c = 0;
        for (; c + VW <= channels; c += VW) {
            vf v = v_mul(v_load(w_old + at + c), v_load(old + c));
            v_store(y + at + c, v_fma(v_load(w_new + at + c), v_load(now + c), v));
        }
        for (; c < channels; c++) y[at + c] = w_old[at + c] * old[c] + w_new[at + c] * now[c];
    }
}

static void depthwise(float *y, const float *x, const float *w, const float *bias, int channels, int taps) {
    for (int c = 0; c < channels; c += VW) {
        const int left = channels - c, whole = left >= VW;
#define LOAD(p) (whole ? v_load(p) : v_load_n(p, left))
        vf v = LOAD(bias + c);
        for (int tap = 0; tap < taps; tap++) {
            const ptrdiff_t at = (ptrdiff_t)tap * channels + c;
            v = v_fma(LOAD(w + at), LOAD(x + at), v);
        }
        if (whole) v_store(y + c, v);
        else v_store_n(y + c, v, left);
#undef LOAD
    }
}
