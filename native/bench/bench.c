/* Measures one session: the instructions of each call, the rows read and written, and the depth of the stack. Prints one line of JSON.
 * NB_FRAG, FRAG_SIZE, LOST, CAPACITY and VERSION come from the command line; the lost fragments come from a fixed seed. */
#include <string.h>

#include "../fuota_frag.h"
#include "board.h"

#define ROWS (NB_FRAG + 2u * CAPACITY + 8u)
#define ROW FUOTA_FRAG_ROW(FRAG_SIZE, 4u)

static uint8_t rows[ROWS * ROW], marks[ROWS * 4u], block[NB_FRAG * FRAG_SIZE], lost[NB_FRAG];
static uint32_t workspace[FUOTA_FRAG_WORKSPACE(NB_FRAG, CAPACITY, FRAG_SIZE, 4u) / 4u];
static uint32_t row_reads, row_writes;
static uint32_t random_state = 1;

static uint32_t random_number(void) { /* xorshift32 */
    random_state ^= random_state << 13;
    random_state ^= random_state >> 17;
    return random_state ^= random_state << 5;
}

static int store_read(void *context, uint32_t offset, void *data, uint32_t length) {
    (void)context;
    if (offset < sizeof rows) {
        row_reads++;
        memcpy(data, rows + offset, length);
    } else {
        memcpy(data, marks + offset - sizeof rows, length);
    }
    return 0;
}

static int store_write(void *context, uint32_t offset, const void *data, uint32_t length) {
    (void)context;
    if (offset < sizeof rows) {
        row_writes++;
        memcpy(rows + offset, data, length);
    } else {
        memcpy(marks + offset - sizeof rows, data, length);
    }
    return 0;
}

/* Computes a coded fragment in the simplest way: the executable specification of the row (TS004 appendix A). */
static void encode(uint32_t n, uint8_t *out) {
    static uint8_t row[NB_FRAG];
    uint32_t x = 1u + 1001u * (n - NB_FRAG), count = 0, i;
    memset(row, 0, sizeof row);
    memset(out, 0, FRAG_SIZE);
    while (count < NB_FRAG / 2u) {
        x = (x >> 1) + (((x ^ x >> 5) & 1u) << 22);
        i = x % (NB_FRAG + ((NB_FRAG & (NB_FRAG - 1u)) == 0));
        if (i >= NB_FRAG || (VERSION == 2 && row[i])) continue;
        row[i] = 1;
        count++;
    }
    for (i = 0; i < NB_FRAG; i++)
        if (row[i])
            for (count = 0; count < FRAG_SIZE; count++) out[count] ^= block[i * FRAG_SIZE + count];
}

static void prepare(void) {
    uint32_t i, left = LOST;
    memset(rows, 0xFF, sizeof rows);
    memset(marks, 0xFF, sizeof marks);
    for (i = 0; i < sizeof block; i++) block[i] = (uint8_t)(random_number() >> 11);
    while (left) {
        i = random_number() % NB_FRAG;
        left -= !lost[i];
        lost[i] = 1;
    }
}

/* --- counts */

enum { INIT, UNCODED, CODED, STEP, KINDS };
static uint32_t totals[KINDS], most[KINDS], calls[KINDS];

static int counted(int kind, uint32_t began, int result) {
    uint32_t ticks = board_ticks() - began;
    totals[kind] += ticks;
    calls[kind]++;
    if (most[kind] < ticks) most[kind] = ticks;
    return result;
}

#define COUNTED(kind, call) (began = board_ticks(), counted(kind, began, call))

#define PAINTED 256u
#define PAINT 0xDEADBEEFu

static uint32_t *stack_pointer(void) {
    uint32_t *sp;
    __asm__ volatile("mov %0, sp" : "=r"(sp));
    return sp;
}

/* --- output */

static void print_number(const char *name, uint32_t value) {
    char digits[12], *at = digits + 11;
    *at = 0;
    do *--at = (char)('0' + value % 10u);
    while (value /= 10u);
    board_print(name);
    board_print(at);
}

static void report(uint32_t coded, uint32_t stack) {
    static const char *const names[KINDS] = {", \"init\": ", ", \"uncoded\": ", ", \"coded\": ", ", \"step\": "};
    static const char *const worst[KINDS] = {", \"init_most\": ", ", \"uncoded_most\": ", ", \"coded_most\": ", ", \"step_most\": "};
    uint32_t kind, total = 0;
    print_number("{\"nb_coded\": ", coded);
    for (kind = 0; kind < KINDS; kind++) {
        total += totals[kind];
        print_number(names[kind], totals[kind] * INSTRUCTIONS_PER_TICK);
        print_number(worst[kind], most[kind] * INSTRUCTIONS_PER_TICK);
    }
    print_number(", \"total\": ", total * INSTRUCTIONS_PER_TICK);
    print_number(", \"steps\": ", calls[STEP]);
    print_number(", \"row_reads\": ", row_reads);
    print_number(", \"row_writes\": ", row_writes);
    print_number(", \"stack\": ", stack);
    print_number(", \"ram\": ", sizeof(fuota_frag_t) + sizeof workspace);
    board_print("}\n");
}

static fuota_frag_t session = {
    .read = store_read,
    .write = store_write,
    .workspace = workspace,
    .workspace_words = sizeof workspace / 4u,
    .nb_frag = NB_FRAG,
    .capacity = CAPACITY,
    .scratch = CAPACITY + 8u,
    .frag_size = FRAG_SIZE,
    .granularity = 4,
    .version = VERSION,
};

static uint32_t run(void) {
    static uint8_t payload[FRAG_SIZE];
    uint32_t i, began;
    COUNTED(INIT, fuota_frag_init(&session));
    for (i = 0; i < NB_FRAG; i++)
        if (!lost[i]) COUNTED(UNCODED, fuota_frag_feed(&session, i + 1u, block + i * FRAG_SIZE, FRAG_SIZE));
    for (i = NB_FRAG + 1u; fuota_frag_missing(&session); i++) {
        encode(i, payload);
        COUNTED(CODED, fuota_frag_feed(&session, i, payload, FRAG_SIZE));
    }
    while (COUNTED(STEP, fuota_frag_step(&session)) == FUOTA_FRAG_MORE) {}
    return calls[CODED];
}

int main(void) {
    uint32_t i, coded, *top = stack_pointer() - 16, *at = top - PAINTED;
    prepare();
    for (i = 0; i < PAINTED; i++) at[i] = PAINT;
    coded = run();
    while (*at == PAINT) at++;
    for (i = 0; i < NB_FRAG; i++)
        if (memcmp(rows + i * ROW, block + i * FRAG_SIZE, FRAG_SIZE)) return 1;
    report(coded, (uint32_t)(top - at) * 4u);
    return 0;
}
