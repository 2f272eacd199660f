/* The parity rows of TS004 in the usual way: one draw after the other, with a division for each.
 * The compiled kernels are compared with this code, which is simple on purpose. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static uint32_t prbs23(uint32_t state) { return (state >> 1) + (((state ^ (state >> 5)) & 1u) << 22); }

static void parity_row(uint32_t nb_frag, uint32_t seed_number, int distinct, uint64_t *row) {
    const uint32_t modulus = nb_frag + ((nb_frag & (nb_frag - 1)) == 0);
    uint32_t state = 1 + 1001 * seed_number;
    for (uint32_t draws = 0; draws < nb_frag / 2;) {
        state = prbs23(state);
        const uint32_t drawn = state % modulus;
        if (drawn >= nb_frag)
            continue;
        const uint64_t bit = (uint64_t)1 << (drawn & 63);
        if (distinct && (row[drawn >> 6] & bit))
            continue;
        row[drawn >> 6] |= bit;
        draws++;
    }
}

/* Writes the row of coded fragment numbers[i] to rows[i], in ceil(nb_frag / 64) words, with column 0 in the lowest bit. */
void plain_rows(uint32_t nb_frag, const int64_t *numbers, size_t count, int distinct, uint64_t *rows) {
    const size_t row_words = (nb_frag + 63) / 64;
    memset(rows, 0, count * row_words * sizeof *rows);
    for (size_t i = 0; i < count; i++)
        parity_row(nb_frag, (uint32_t)(numbers[i] - nb_frag), distinct, rows + i * row_words);
}
