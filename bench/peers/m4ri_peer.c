/* Debian's libm4ri used for TS004 with given parity rows: a multiplication to encode, a syndrome and a solution to decode. Only
 * m4ri_encode and m4ri_decode are timed; matrices are allocated and freed outside of them. */
#include <m4ri/m4ri.h>
#include <stdlib.h>
#include <string.h>
#ifdef __BMI2__
#include <immintrin.h>
#endif

static mzd_t *from_words(const word *words, int rows, int columns) {
    mzd_t *matrix = mzd_init(rows, columns);
    for (int r = 0; r < rows; r++)
        memcpy(matrix->rows[r], words + (size_t)r * matrix->width, (size_t)matrix->width * sizeof(word));
    return matrix;
}

static void to_words(const mzd_t *matrix, int first_word, int rows, int width, word *words) {
    for (int r = 0; r < rows; r++)
        memcpy(words + (size_t)r * width, matrix->rows[r] + first_word, (size_t)width * sizeof(word));
}

/* ---- encode: parity = rows x block ---- */

struct encoder {
    mzd_t *rows, *block, *parity;
};

void *m4ri_encode_new(const word *rows, int nb_coded, const word *block, int nb_frag, int value_bits) {
    struct encoder *e = malloc(sizeof *e);
    e->rows = from_words(rows, nb_coded, nb_frag);
    e->block = from_words(block, nb_frag, value_bits);
    e->parity = mzd_init(nb_coded, value_bits);
    return e;
}

void m4ri_encode(void *encoder) {
    struct encoder *e = encoder;
    mzd_mul_m4rm(e->parity, e->rows, e->block, 0);
}

void m4ri_encode_result(const void *encoder, word *parity) {
    const struct encoder *e = encoder;
    to_words(e->parity, 0, e->parity->nrows, e->parity->width, parity);
}

void m4ri_encode_free(void *encoder) {
    struct encoder *e = encoder;
    mzd_free(e->rows);
    mzd_free(e->block);
    mzd_free(e->parity);
    free(e);
}

/* ---- decode: the lost fragments from the coded fragments that arrived ---- */

struct decoder {
    mzd_t *rows, *block, *coded; /* block: the fragments that arrived, zeros for lost fragments */
    word *lost_mask;             /* one bit for each uncoded fragment */
    int nb_lost;
    word *solved; /* nb_lost x value words */
};

void *m4ri_decode_new(const word *rows, const word *coded, int nb_coded, const word *block, int nb_frag, int value_bits,
                      const word *lost_mask, int nb_lost) {
    struct decoder *d = malloc(sizeof *d);
    d->rows = from_words(rows, nb_coded, nb_frag);
    d->coded = from_words(coded, nb_coded, value_bits);
    d->block = from_words(block, nb_frag, value_bits);
    d->lost_mask = malloc((size_t)d->rows->width * sizeof(word));
    memcpy(d->lost_mask, lost_mask, (size_t)d->rows->width * sizeof(word));
    d->nb_lost = nb_lost;
    d->solved = malloc((size_t)nb_lost * d->block->width * sizeof(word));
    return d;
}

static word extract(word source, word mask) {
#ifdef __BMI2__
    return _pext_u64(source, mask);
#else
    word gathered = 0;
    for (int position = 0; mask; mask &= mask - 1, position++)
        gathered |= (word)((source & mask & -mask) != 0) << position;
    return gathered;
#endif
}

/* Copies the columns of the lost fragments side by side to `target`, which must be zeros. */
static void gather(const struct decoder *d, mzd_t *target) {
    for (int r = 0; r < d->rows->nrows; r++) {
        word *to = target->rows[r];
        int filled = 0;
        for (int w = 0; w < d->rows->width; w++) {
            const word mask = d->lost_mask[w];
            if (!mask)
                continue;
            const word bits = extract(d->rows->rows[r][w], mask);
            const int offset = filled % m4ri_radix, count = __builtin_popcountll(mask);
            to[filled / m4ri_radix] |= bits << offset;
            if (offset + count > m4ri_radix)
                to[filled / m4ri_radix + 1] |= bits >> (m4ri_radix - offset);
            filled += count;
        }
    }
}

static mzd_t *syndrome(const struct decoder *d) {
    mzd_t *values = mzd_copy(NULL, d->coded);
    return mzd_addmul_m4rm(values, d->rows, d->block, 0);
}

/* Eliminates [lost columns | values], the values from a word boundary on. The elimination of the Four Russians is the
 * fastest method of the library here: mzd_solve_left and mzd_echelonize_pluq take longer at all measured sizes. */
void m4ri_decode(void *decoder) {
    struct decoder *d = decoder;
    const int rows = d->rows->nrows, first_word = (d->nb_lost + m4ri_radix - 1) / m4ri_radix;
    mzd_t *values = syndrome(d), *both = mzd_init(rows, first_word * m4ri_radix + values->ncols);
    gather(d, both);
    for (int r = 0; r < rows; r++)
        memcpy(both->rows[r] + first_word, values->rows[r], (size_t)values->width * sizeof(word));
    mzd_echelonize_m4ri(both, 1, 0);
    to_words(both, first_word, d->nb_lost, values->width, d->solved);
    mzd_free(both);
    mzd_free(values);
}

void m4ri_decode_result(const void *decoder, word *solved) {
    const struct decoder *d = decoder;
    memcpy(solved, d->solved, (size_t)d->nb_lost * d->block->width * sizeof(word));
}

void m4ri_decode_free(void *decoder) {
    struct decoder *d = decoder;
    mzd_free(d->rows);
    mzd_free(d->block);
    mzd_free(d->coded);
    free(d->lost_mask);
    free(d->solved);
    free(d);
}
