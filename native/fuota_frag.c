/* See fuota_frag.h for what this decoder does and guarantees.
 *
 * Layout of the workspace, in words of 32 bits:
 *
 *     [ known | free ............. | triangle | vector ]
 *
 * known     one bit for each uncoded fragment, set if its row is in the storage. The bits are fixed once the triangle has a row: an
 *           uncoded fragment that arrives later is treated as a coded fragment that contains only itself. Bits past the last fragment
 *           are set.
 * vector    a parity row over the unknown fragments ("columns"), column 0 first.
 * triangle  row p is a parity row whose highest column is p, stored as bits 0..p, packed from bit p(p+1)/2 on. Its bit p is set if the
 *           row exists. Columns are eliminated from the highest, so that the front of the triangle stays free for long: `lowest` is the
 *           first row that may exist.
 * free      the part in front of row `lowest`: the mask of a parity row; while solving, used as described below.
 *
 * Until the rank is complete, only coefficients are eliminated, and coded fragments are written as they were received. Then the
 * elimination is repeated with the data, for many coded fragments ("lanes") at a time, so that each known fragment is read once for all of
 * them. The reduced rows go to the third part of the storage, and each lost fragment is then the sum of some of them. The free part
 * meanwhile:
 *
 *     [ row read | lane 0 | lane 1 | ... ]      a lane: its bytes, then its mask
 *
 * The triangle grows to the left over the last lanes, which must then be started again. If there is no room for a single mask, there is one
 * lane, `lanes` is 0, and its mask replaces `known`, which is restored from the marks.
 */
#include "fuota_frag.h"

enum { COLLECT = FUOTA_FRAG_MORE, GATHER, SCAN, REDUCE }; /* phase; or a result other than MORE */

#define SOLVED 0x8000u /* mark of a lost fragment that was solved, and of a reduced row; N of a coded fragment has 14 bits */
#define NONE 0xFFFFFFFFu /* no column */

static uint32_t words(uint32_t bits) { return (bits + 31u) >> 5; }

static uint32_t bit(const uint32_t *w, uint32_t i) { return w[i >> 5] >> (i & 31u) & 1u; }

static void put(uint32_t *w, uint32_t i, uint32_t value) {
    uint32_t mask = 1u << (i & 31u);
    w[i >> 5] = value ? w[i >> 5] | mask : w[i >> 5] & ~mask;
}

static uint32_t triangular(uint32_t p) { return p * (p + 1u) >> 1; }

static uint32_t *known(const fuota_frag_t *f) { return f->workspace; }

static uint32_t *free_part(const fuota_frag_t *f) { return f->workspace + f->mask_words; }

static uint32_t vector_at(const fuota_frag_t *f) { return f->workspace_words - words(f->capacity); }

static uint32_t triangle_at(const fuota_frag_t *f) { return vector_at(f) - words(triangular(f->unknown)); }

static uint32_t *vector(const fuota_frag_t *f) { return f->workspace + vector_at(f); }

static uint32_t *triangle(const fuota_frag_t *f) { return f->workspace + triangle_at(f); }

static uint32_t free_words(const fuota_frag_t *f) { return triangle_at(f) - f->mask_words + (triangular(f->lowest) >> 5); }

static int failed(const fuota_frag_t *f) { return f->phase & 0x80; }

static int result(const fuota_frag_t *f) {
    int phase = (int8_t)f->phase;
    return phase > FUOTA_FRAG_MORE ? FUOTA_FRAG_MORE : phase;
}

/* Changes the phase, unless it is a failure, which remains. */
static void become(fuota_frag_t *f, int phase) {
    if (!failed(f)) f->phase = (uint8_t)phase;
}

/* --- storage: rows are numbered continuously through its three parts */

static uint32_t reduced(const fuota_frag_t *f, uint32_t p) { return (uint32_t)f->nb_frag + f->scratch + p; }

static int load(fuota_frag_t *f, uint32_t index, uint32_t *row) {
    uint32_t octets = f->row_octets;
    if (f->read(f->context, index * octets, row, octets)) become(f, FUOTA_FRAG_STORAGE);
    return failed(f);
}

static uint32_t mark_offset(const fuota_frag_t *f, uint32_t index) {
    return reduced(f, f->capacity) * f->row_octets + index * FUOTA_FRAG_MARK(f->granularity);
}

/* Returns N from the mark of a row, or 0 if there is no mark yet or a power cut damaged it. The halves of a mark are complements, and bits
 * are only cleared, so that an unfinished mark never equals another mark. The mark is left in the first word of the free part. */
static uint32_t mark_of(fuota_frag_t *f, uint32_t index) {
    uint32_t *mark = free_part(f), n;
    if (f->read(f->context, mark_offset(f, index), mark, sizeof *mark)) become(f, FUOTA_FRAG_STORAGE);
    n = *mark & 0xFFFFu;
    return ~*mark >> 16 == n ? n : 0;
}

/* Writes the row first, then the mark that makes it valid. */
static int save(fuota_frag_t *f, uint32_t index, const uint32_t *row, uint32_t n) {
    uint32_t mark[8], i, octets = f->row_octets;
    for (i = 0; i < 8u; i++) mark[i] = n | ~n << 16;
    if (!failed(f) && (f->write(f->context, index * octets, row, octets) ||
                       f->write(f->context, mark_offset(f, index), mark, FUOTA_FRAG_MARK(f->granularity))))
        become(f, FUOTA_FRAG_STORAGE);
    return failed(f);
}

/* --- rows of the parity matrix */

#if defined __ARM_FEATURE_IDIV && !defined FUOTA_FRAG_DIVIDE
#define FUOTA_FRAG_DIVIDE /* the processor has a division instruction */
#endif

/* Sets the bits of the uncoded fragments that fragment `n` is made of in `mask`; n = 0 is made of none (TS004 appendix A: PRBS23, M / 2
 * draws; if M is a power of two, the modulus is M + 1 and M is rejected). */
static void draw(const fuota_frag_t *f, uint32_t n, uint32_t *mask) {
    uint32_t nb_frag = f->nb_frag, modulus = nb_frag, left = nb_frag >> 1, distinct = f->version - 1u, x, r, *word;
#ifndef FUOTA_FRAG_DIVIDE
    uint32_t d;
#endif
    for (r = 0; r < f->mask_words; r++) mask[r] = 0;
    if (n <= nb_frag) {
        if (n--) put(mask, n, 1);
        return;
    }
    if (!(modulus & (modulus - 1u))) modulus++;
#ifndef FUOTA_FRAG_DIVIDE
    while (modulus < 1u << 23) modulus <<= 1;
#endif
    x = f->version == FUOTA_FRAG_V2_LITERAL ? n : n - nb_frag;
    x = 1001u * x + 1u;
    while (left) {
        x = (x >> 1) + ((x ^ x >> 5) << 31 >> 9);
#ifdef FUOTA_FRAG_DIVIDE
        r = x % modulus;
#else
        for (r = x, d = modulus; d >= nb_frag; d >>= 1) /* M / 2 draws: none if half of the modulus is M */
            if (r >= d) r -= d;
#endif
        if (r >= nb_frag) continue;
        word = mask + (r >> 5);
        r = 1u << (r & 31u);
        if (distinct && (*word & r)) continue;
        *word |= r;
        left--;
    }
}

/* Copies the bits of the unknown fragments from a mask to the vector. */
static void compress(const fuota_frag_t *f, const uint32_t *mask) {
    uint32_t *k = known(f), *v = vector(f), *end = k + f->mask_words, column = 0, unknown, m;
    for (; k != end; k++)
        for (unknown = ~*k, m = *mask++; unknown; unknown >>= 1, m >>= 1)
            if (unknown & 1u) put(v, column++, m & 1u);
}

/* Computes the vector of fragment `n`, and leaves its mask at the front of the free part. */
static void expand(const fuota_frag_t *f, uint32_t n) {
    uint32_t *mask = free_part(f);
    draw(f, n, mask);
    compress(f, mask);
}

static void add(uint32_t *sum, const uint32_t *row, uint32_t length) {
    const uint32_t *end = sum + length;
    do *sum++ ^= *row++;
    while (sum != end);
}

/* Inserts the vector `v`, whose highest column is `c`, into the `rows` of the triangle. */
static void insert(fuota_frag_t *f, uint32_t *rows, const uint32_t *v, uint32_t c) {
    uint32_t i;
    while (f->lowest > c) {
        f->lowest--;
        put(rows, triangular(f->lowest) + f->lowest, 0);
    }
    for (i = c + 1u; i--;) put(rows, triangular(c) + i, bit(v, i));
    f->rank++;
}

/* Eliminates the vector and inserts what remains of it. Returns the column that it adds to the rank, or NONE. If `sum` is not 0, the
 * reduced rows are added to it, and a new reduced row is written before the triangle can grow into it. */
static uint32_t absorb(fuota_frag_t *f, uint32_t *sum) {
    uint32_t *v = vector(f), *rows = triangle(f), *row = free_part(f), c = f->unknown;
    while (c--) {
        uint32_t at = triangular(c), s = at & 31u, i;
        const uint32_t *from = rows + (at >> 5);
        if (!bit(v, c)) continue;
        if (c < f->lowest || !bit(rows, at + c)) {
            if (sum) {
                save(f, reduced(f, c), sum, SOLVED);
                f->progress++;
            }
            insert(f, rows, v, c);
            break;
        }
        for (i = 0; i <= c >> 5; i++) v[i] ^= from[i] >> s | from[i + 1u] << 1 << (31u - s); /* bits past c have no meaning */
        if (!sum) continue;
        if (load(f, reduced(f, c), row)) return NONE;
        add(sum, row, f->row_words);
    }
    return c;
}

/* Returns the column that fragment `n` adds to the rank, or NONE. */
static uint32_t examine(fuota_frag_t *f, uint32_t n) {
    expand(f, n);
    return absorb(f, 0);
}

static void insert_next(fuota_frag_t *f) { examine(f, mark_of(f, f->taken++)); }

static void solve_or_end(fuota_frag_t *f) { become(f, f->progress - f->unknown == f->unknown ? FUOTA_FRAG_DONE : GATHER); }

/* Processes coded fragments that were kept for later, if that is possible now, and checks whether the rank is complete. */
static void settle(fuota_frag_t *f) {
    while (f->unknown <= f->capacity && f->taken < f->stored && f->rank < f->unknown) insert_next(f);
    if (f->rank == f->unknown) {
        f->rank = 0;
        f->taken = f->nb_frag;
        f->lowest = f->unknown;
        solve_or_end(f);
    }
}

/* --- solving, in steps */

static uint32_t *lane_at(const fuota_frag_t *f, uint32_t lane) {
    return free_part(f) + f->row_words + lane * (f->row_words + f->mask_words);
}

static int has_room(const fuota_frag_t *f, uint32_t lane) { return lane_at(f, lane + 1u) <= free_part(f) + free_words(f); }

/* Solves the next lost fragment. */
static void solve(fuota_frag_t *f) {
    uint32_t p = (uint32_t)(f->progress - f->unknown), i, *sum = lane_at(f, 0);
    for (i = 0; bit(known(f), i) || p--; i++) {}
    expand(f, i + 1u);
    add(sum, sum, f->row_words);
    absorb(f, sum);
    save(f, i, sum, SOLVED);
    f->progress++;
    solve_or_end(f);
}

/* Adds a lane; if there is no room for another lane, goes on to the fragments that the lanes need. */
static void gather(fuota_frag_t *f) {
    uint32_t next = (uint32_t)f->taken + f->lanes, n, *lane = lane_at(f, f->lanes);
    if (f->rank == f->unknown) {
        solve(f);
    } else if (f->rank < f->progress) { /* reduced before a reset */
        insert_next(f);
    } else {
        n = mark_of(f, next);
        if (f->lanes < 255u && next < f->stored && has_room(f, f->lanes)) {
            draw(f, n, lane + f->row_words);
            f->lanes++;
        } else {
            become(f, SCAN);
            if (f->lanes) return;
            expand(f, n);
            for (n = f->mask_words; n--;) known(f)[n] &= free_part(f)[n];
        }
        load(f, next, lane);
    }
}

/* Adds 32 known fragments to the lanes that contain them. */
static void scan(fuota_frag_t *f) {
    uint32_t length = f->row_words, stride = length + f->mask_words, loaded;
    uint32_t *row = free_part(f), *end = lane_at(f, f->lanes), *lane;
    do {
        if (!bit(known(f), f->position)) continue;
        loaded = 0;
        lane = row + length;
        do {
            if (f->lanes && !bit(lane + length, f->position)) continue;
            if (!loaded && load(f, f->position, row)) return;
            loaded = 1;
            add(lane, row, length);
        } while ((lane += stride) < end);
    } while (++f->position & 31u);
    if (f->position < f->nb_frag) return;
    f->position = 0;
    become(f, REDUCE);
}

/* Determines which uncoded fragments are known: from the marks after a reset, otherwise none. */
static void recall(fuota_frag_t *f, int reset) {
    uint32_t i, is;
    f->unknown = 0;
    for (i = 0; i < 32u * f->mask_words; i++) {
        is = i >= f->nb_frag || (reset && mark_of(f, i) == i + 1u);
        put(known(f), i, is);
        f->unknown = (uint16_t)(f->unknown + !is);
    }
}

static void reduce(fuota_frag_t *f) {
    uint32_t *sum = lane_at(f, f->position);
    if (f->lanes) compress(f, sum + f->row_words);
    absorb(f, sum);
    if (!f->lanes) recall(f, 1);
    f->taken++;
    if (++f->position < f->lanes && has_room(f, f->position)) return; /* the triangle has not grown into its lane */
    f->position = f->lanes = 0;
    become(f, GATHER);
}

/* --- the calls */

/* Returns whether the workspace has FUOTA_FRAG_WORKSPACE bytes, so that the free part is large enough if `capacity` fragments are lost. */
static int is_enough(fuota_frag_t *f) {
    uint32_t all = f->mask_words, work = 2u * f->row_words;
    f->unknown = f->capacity;
    f->lowest = 0;
    return (int32_t)(free_words(f) - (work > all ? work : all)) >= 0;
}

int fuota_frag_init(fuota_frag_t *f) {
    uint32_t g = f->granularity;
    f->phase = (uint8_t)FUOTA_FRAG_REFUSED;
    f->stored = f->taken = f->nb_frag;
    f->rank = f->progress = f->position = 0;
    f->lanes = 0;
    if (f->nb_frag >> 14 || f->capacity - 1u >= f->nb_frag || !f->frag_size || f->version - 1u > 2u || f->frag_index >> 2 ||
        g - 1u > 31u || (g & (g - 1u)))
        return FUOTA_FRAG_REFUSED;
    f->row_octets = (uint16_t)((f->frag_size + g - 1u) & ~(g - 1u));
    f->row_words = (uint16_t)((f->row_octets + 3u) >> 2);
    f->mask_words = (uint16_t)words(f->nb_frag);
    if (!is_enough(f)) return FUOTA_FRAG_REFUSED;
    recall(f, 0);
    f->lowest = f->unknown;
    return f->phase = COLLECT;
}

/* Returns whether the next scratch row or its mark was written to, even in part: then nothing else can be written there. */
static int is_used(fuota_frag_t *f) {
    const uint8_t *octets = (const uint8_t *)free_part(f);
    uint32_t i = 4u + f->row_octets;
    mark_of(f, f->stored);
    load(f, f->stored, free_part(f) + 1);
    while (i && octets[i - 1u] == 0xFFu) i--;
    return i != 0;
}

int fuota_frag_resume(fuota_frag_t *f) {
    uint32_t i;
    if (fuota_frag_init(f) < 0) return FUOTA_FRAG_REFUSED;
    recall(f, 1);
    f->lowest = f->unknown;
    for (i = 0; i < reduced(f, f->capacity); i++)
        if (mark_of(f, i) == SOLVED) f->progress++;
    while (f->stored < reduced(f, 0) && is_used(f)) f->stored++;
    settle(f);
    return result(f);
}

/* Returns the payload as a row in the workspace. */
static uint32_t *padded(const fuota_frag_t *f, const uint8_t *payload) {
    uint8_t *row = (uint8_t *)free_part(f);
    uint32_t i, length = f->frag_size;
    for (i = 0; i < length; i++) row[i] = payload[i];
    for (length = f->row_octets; i < length; i++) row[i] = 0xFFu;
    return free_part(f);
}

/* Stores a new fragment: an uncoded fragment in its place while the columns are not fixed, all others in the scratch rows. */
static void take(fuota_frag_t *f, uint32_t n, const void *payload) {
    uint32_t index = n - 1u, i;
    if (index < f->nb_frag && !f->rank) {
        if (bit(known(f), index)) return;
        put(known(f), index, 1);
        f->lowest = --f->unknown;
    } else {
        index = f->stored;
        if (f->unknown <= f->capacity) {
            if (examine(f, n) == NONE) return;
            f->taken++;
        } else {
            for (i = f->nb_frag; i < index; i++)
                if (mark_of(f, i) == n) return;
        }
        if (index == reduced(f, 0)) {
            f->rank = (uint16_t)(f->rank - (f->taken > index)); /* a fragment that is not stored does not count */
            become(f, FUOTA_FRAG_TOO_MANY);
        }
        f->stored++;
    }
    save(f, index, padded(f, payload), n);
    settle(f);
}

int fuota_frag_feed(fuota_frag_t *f, uint32_t index_and_n, const void *payload, uint32_t length) {
    uint32_t n = index_and_n ^ (uint32_t)f->frag_index << 14;
    if (n - 1u >= 16383u || length != f->frag_size) return FUOTA_FRAG_REFUSED;
    if (f->phase == COLLECT) take(f, n, payload);
    return result(f);
}

int fuota_frag_step(fuota_frag_t *f) {
    if (f->phase == GATHER)
        gather(f);
    else if (f->phase == SCAN)
        scan(f);
    else if (f->phase == REDUCE)
        reduce(f);
    return result(f);
}

uint32_t fuota_frag_missing(const fuota_frag_t *f) {
    return f->phase == COLLECT || failed(f) ? (uint32_t)(f->unknown - f->rank) : 0u;
}

/* --- checks of the block */

#ifdef FUOTA_FRAG_CHECKS

/* Reads row `*row` of the block and increments `*row`. Returns how many bytes of it belong to the block, 0 if there is nothing to do. */
static uint32_t next_row(fuota_frag_t *f, uint16_t *row, uint32_t padding) {
    if (f->phase != FUOTA_FRAG_DONE || *row >= f->nb_frag || load(f, *row, free_part(f))) return 0;
    return ++*row < f->nb_frag || padding > f->frag_size ? f->frag_size : f->frag_size - padding;
}

static int rows_left(const fuota_frag_t *f, uint32_t row) { return row < f->nb_frag ? FUOTA_FRAG_MORE : FUOTA_FRAG_DONE; }

int fuota_frag_crc32(fuota_frag_t *f, fuota_frag_crc32_t *c) {
    uint32_t left = next_row(f, &c->row, c->padding), crc = ~c->crc, k;
    const uint8_t *octets = (const uint8_t *)free_part(f);
    while (left--)
        for (crc ^= *octets++, k = 0; k < 8u; k++) crc = crc >> 1 ^ (0xEDB88320u & (0u - (crc & 1u)));
    c->crc = ~crc;
    return f->phase ? result(f) : rows_left(f, c->row);
}

/* SHA-256: FIPS 180-4 */
static const uint32_t constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be,
    0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa,
    0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85,
    0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3,
    0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f,
    0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static const uint32_t start[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

static uint32_t turned(uint32_t x, uint32_t n) { return x >> n | x << (32u - n); }

/* Processes a piece of 64 bytes. v holds a to h, and is rotated by one place in each round. */
static void compress_piece(fuota_frag_sha256_t *s) {
    uint32_t v[8], *w = s->piece, i;
    for (i = 0; i < 8u; i++) v[i] = s->state[i];
    for (i = 0; i < 64u; i++) {
        uint32_t a = v[-i & 7u], e = v[(4u - i) & 7u], *h = v + ((7u - i) & 7u), *next = w + (i & 15u);
        uint32_t two = w[(i + 14u) & 15u], fifteen = w[(i + 1u) & 15u];
        *h += (turned(e, 6) ^ turned(e, 11) ^ turned(e, 25)) + ((e & v[(5u - i) & 7u]) | (~e & v[(6u - i) & 7u])) + constants[i] + *next;
        v[(3u - i) & 7u] += *h;
        *h += (turned(a, 2) ^ turned(a, 13) ^ turned(a, 22)) +
              ((a & v[(1u - i) & 7u]) | (a & v[(2u - i) & 7u]) | (v[(1u - i) & 7u] & v[(2u - i) & 7u]));
        *next += (turned(fifteen, 7) ^ turned(fifteen, 18) ^ fifteen >> 3) + w[(i + 9u) & 15u] + (turned(two, 17) ^ turned(two, 19) ^ two >> 10);
    }
    for (i = 0; i < 8u; i++) s->state[i] += v[i];
}

static void take_octet(fuota_frag_sha256_t *s, uint32_t octet) {
    uint32_t *word = s->piece + (s->length >> 2 & 15u);
    *word = *word << 8 | octet;
    if (!(++s->length & 63u)) compress_piece(s);
}

static void finish_sha256(fuota_frag_sha256_t *s) {
    uint32_t length = s->length, i;
    for (take_octet(s, 0x80u); (s->length & 63u) != 59u;) take_octet(s, 0);
    take_octet(s, length >> 29); /* the length in bits: a block has less than 2^32 bytes */
    for (i = 0; i < 4u; i++) take_octet(s, length << 3 >> (24u - 8u * i) & 0xFFu);
    for (i = 0; i < 32u; i++) s->digest[i] = (uint8_t)(s->state[i >> 2] >> (24u - 8u * (i & 3u)));
}

int fuota_frag_sha256(fuota_frag_t *f, fuota_frag_sha256_t *s) {
    uint32_t i, began = s->row, left = next_row(f, &s->row, s->padding);
    const uint8_t *octets = (const uint8_t *)free_part(f);
    for (i = began ? 8u : 0; i < 8u; i++) s->state[i] = start[i];
    if (!began) s->length = 0;
    while (left--) take_octet(s, *octets++);
    if (began < s->row && !rows_left(f, s->row)) finish_sha256(s);
    return f->phase ? result(f) : rows_left(f, s->row);
}

/* Adds B0 of TS004-2.0.0: 49 SessionCnt FragIndex Descriptor 00000000 and the length of the block, all little endian */
static void begin_mic(const fuota_frag_t *f, const fuota_frag_mic_t *m) {
    uint32_t i, length = (uint32_t)f->nb_frag * f->frag_size - m->padding;
    uint8_t b0[16];
    for (i = 1; i < 16u; i++) b0[i] = 0;
    b0[0] = 0x49;
    b0[1] = (uint8_t)m->session_cnt;
    b0[2] = (uint8_t)(m->session_cnt >> 8);
    b0[3] = f->frag_index;
    for (i = 0; i < 4u; i++) {
        b0[4u + i] = m->descriptor[i];
        b0[12u + i] = (uint8_t)(length >> (8u * i));
    }
    m->update(m->context, b0, sizeof b0);
}

static int compare_mic(const fuota_frag_mic_t *m) {
    uint8_t mac[16];
    uint32_t i, differ = 0;
    m->finish(m->context, mac);
    for (i = 0; i < 4u; i++) differ |= (uint32_t)mac[i] ^ m->mic[i];
    return differ ? FUOTA_FRAG_MISMATCH : FUOTA_FRAG_DONE;
}

int fuota_frag_check_mic(fuota_frag_t *f, fuota_frag_mic_t *m) {
    uint32_t began = m->row, length = next_row(f, &m->row, m->padding);
    if (f->phase) return result(f);
    if (!began) begin_mic(f, m);
    if (length) m->update(m->context, free_part(f), length);
    return rows_left(f, m->row) ? FUOTA_FRAG_MORE : compare_mic(m);
}

#endif
