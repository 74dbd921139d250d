/* exp, sine and the activations on one vector. NaN stays NaN: x86 min and max return their second operand then. */

/* exp by 2^n * e^r, |r| <= ln 2 / 2, degree-6 polynomial (minimax coefficients of Cephes' expf):
 * about 1e-7 relative. Below -87.3 the result is exactly 0 (masked scores rely on it); above 88 it
 * stays finite. NaN stays NaN: x86 min and max return their second operand then, hence the order. */
static inline vf v_exp(vf x) {
    vf t = v_min(v_set(88.0f), v_max(v_set(-87.3f), x));
    vf n = v_round(v_mul(t, v_set(1.44269504088896341f)));
    vf r = v_fma(n, v_set(-0.693359375f), t);
    r = v_fma(n, v_set(2.12194440e-4f), r);
    vf p = v_set(1.9875691500e-4f);
    p = v_fma(p, r, v_set(1.3981999507e-3f));
    p = v_fma(p, r, v_set(8.3334519073e-3f));
    p = v_fma(p, r, v_set(4.1665795894e-2f));
    p = v_fma(p, r, v_set(1.6666665459e-1f));
    p = v_fma(p, r, v_set(5.0000001201e-1f));
    p = v_fma(p, v_mul(r, r), v_add(r, v_set(1.0f)));
    return v_if_lt(x, v_set(-87.3f), v_set(0.0f), v_scale2(p, n));
}

static inline vf v_elu(vf x) {
    /* exp of the positive lanes is not used: min keeps it from growing */
    vf e = v_sub(v_exp(v_min(x, v_set(0.0f))), v_set(1.0f));
    return v_if_lt(x, v_set(0.0f), e, x);
}

/* 0.5 x (1 + tanh u) = x / (1 + exp(-2u)), u = sqrt(2 / pi) (x + 0.044715 x^3) */
static inline vf v_gelu(vf x) {
    vf x2 = v_mul(x, x);
    vf u = v_mul(x, v_fma(x2, v_set(0.044715f * 1.5957691216057308f), v_set(1.5957691216057308f)));
    return v_div(x, v_add(v_set(1.0f), v_exp(v_sub(v_set(0.0f), u))));
}

static inline vf v_silu(vf x) {
    return v_div(x, v_add(v_set(1.0f), v_exp(v_sub(v_set(0.0f), x))));
}

/* x (1 - q) for x > 0 and x q below, q = erfc(|x| / sqrt 2) / 2 = t P(t) exp(-x^2 / 2), t = 1 / (1 + 0.3276 |x| / sqrt 2):
 * the form of Abramowitz and Stegun 7.1.26, with a minimax P of degree 7, 1e-7 relative. The result is within
 * 1.4e-7 max(1, |x|), and within 1e-6 relative for |x| < 5. */
static inline vf v_erf_gelu(vf x) {
    vf t = v_div(v_set(1.0f), v_fma(v_max(x, v_sub(v_set(0.0f), x)), v_set(0.23164188f), v_set(1.0f)));
    vf p = v_set(-0.071038148f);
    p = v_fma(p, t, v_set(0.250332301f));
    p = v_fma(p, t, v_set(-0.206405638f));
    p = v_fma(p, t, v_set(0.229836112f));
    p = v_fma(p, t, v_set(0.0109835705f));
    p = v_fma(p, t, v_set(0.103484014f));
    p = v_fma(p, t, v_set(0.0902752037f));
    p = v_fma(p, t, v_set(0.0925326344f));
    vf q = v_mul(v_mul(p, t), v_exp(v_mul(v_mul(x, x), v_set(-0.5f))));
    return v_mul(x, v_if_lt(x, v_set(0.0f), q, v_sub(v_set(1.0f), q)));
}

/* sin(x)^2: x less the nearest multiple of pi, in three steps (the first products are exact for |x| < 12800, fused or
 * not), and a minimax polynomial of the rest (6e-9). For |x| <= 1e4 the sine is within 1.4e-7 of that of the float x.
 * Far outside, the phase is lost, but the result stays in [0, 1]. Infinity gives NaN. */
static inline vf v_sin2(vf x) {
    vf n = v_round(v_mul(x, v_set(0.318309886f)));
    vf r = v_fma(n, v_set(-3.140625f), x);
    r = v_fma(n, v_set(-9.67502593994140625e-4f), r);
    r = v_fma(n, v_set(-1.509957990978376e-7f), r);
    r = v_min(v_set(1.6f), v_max(v_set(-1.6f), r));
    vf z = v_mul(r, r);
    vf p = v_set(2.6054815e-6f);
    p = v_fma(p, z, v_set(-1.9809476e-4f));
    p = v_fma(p, z, v_set(8.3330646e-3f));
    p = v_fma(p, z, v_set(-0.1666666f));
    vf s = v_fma(v_mul(p, z), r, r);
    return v_mul(s, s);
}

/* f and g: of this vector's channels, for PF_SNAKE only */
static inline vf v_activate(vf x, vf f, vf g, int activation) {
    switch (activation) {
    case PF_ELU: return v_elu(x);
    case PF_GELU: return v_gelu(x);
    case PF_SILU: return v_silu(x);
    case PF_ERF_GELU: return v_erf_gelu(x);
    case PF_RELU: return v_max(v_set(0.0f), x);
    case PF_CLAMP: return v_min(v_set(1.0f), v_max(v_set(-1.0f), x));
    case PF_SNAKE: return v_fma(g, v_sin2(v_mul(x, f)), x);
    default: return x;
    }
}
