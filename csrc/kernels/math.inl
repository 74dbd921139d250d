/* exp and the activations on one vector. */

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

static inline vf v_activate(vf x, int activation) {
    switch (activation) {
    case PF_ELU: return v_elu(x);
    case PF_GELU: return v_gelu(x);
    case PF_SILU: return v_silu(x);
    default: return x;
    }
}
