/* Calls in any order, selected by the bytes of the input, and compared with the model. This is a target for libFuzzer; for compilers without
 * libFuzzer there is a main function that uses bytes from a generator. */
#include "check.h"
#include "model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct {
    const uint8_t *data;
    size_t size;
} input_t;

static uint32_t next_byte(input_t *input) {
    if (input->size == 0) return 0;
    input->size--;
    return *input->data++;
}

static model_t model;
static device_t device;
static uint32_t uncoded, cuts;
static uint8_t had[16384];

/* Checks the conditions that must hold after every call. */
static void check(int result) {
    const fuota_frag_t *f = &device.decoder;
    uint32_t missing = fuota_frag_missing(f), unknown = model.nb_frag - uncoded;
    CHECK(device.memory.faults == 0);
    CHECK(cuts || device.memory.rewritten == 0);
    CHECK(device.memory.rewritten <= 3u * cuts); /* the row, its mark, and the mark that abandons a row */
    if (result == FUOTA_FRAG_TOO_MANY) return;
    CHECK(result == FUOTA_FRAG_DONE || result == FUOTA_FRAG_MORE);
    CHECK(missing == (unknown <= f->capacity ? model.nb_frag - model.rank : unknown));
    if (result == FUOTA_FRAG_DONE) CHECK(missing == 0 && device_holds(&device, &model));
}

static int feed(uint32_t n) {
    uint8_t *payload = malloc(model.frag_size); /* has the exact size, for the sanitizer */
    int result;
    if (!payload) abort();
    model_payload(&model, n, payload);
    result = fuota_frag_feed(&device.decoder, n | 2u << 14, payload, model.frag_size);
    if (result == FUOTA_FRAG_STORAGE) {
        cuts++;
        CHECK(fuota_frag_feed(&device.decoder, n | 2u << 14, payload, model.frag_size) == FUOTA_FRAG_STORAGE);
        result = device_reset(&device);
        if (result > 0) result = fuota_frag_feed(&device.decoder, n | 2u << 14, payload, model.frag_size);
    }
    free(payload);
    if (result != FUOTA_FRAG_TOO_MANY) {
        if (n <= model.nb_frag && !had[n]) uncoded++;
        had[n] = 1;
        model_feed(&model, n);
    }
    return result;
}

static int step(void) {
    int result = fuota_frag_step(&device.decoder);
    if (result != FUOTA_FRAG_STORAGE) return result;
    cuts++;
    return device_reset(&device);
}

/* Fragments that do not belong to the session are refused and change nothing. */
static void refuse(uint32_t which) {
    static const uint32_t numbers[] = {0x8000u, 0u, 0x4001u, 0xC001u, 1u, 0x18001u, 0xFFFFFFFFu, 0x8000u | 16384u << 1};
    fuota_frag_t before = device.decoder;
    uint8_t payload[256] = {0};
    CHECK(fuota_frag_feed(&device.decoder, numbers[which % 8u], payload, model.frag_size) == FUOTA_FRAG_REFUSED);
    CHECK(fuota_frag_feed(&device.decoder, 0x8001u, payload, model.frag_size + (which & 1u ? 1u : 0xFFFFFFFFu)) == FUOTA_FRAG_REFUSED);
    CHECK(memcmp(&before, &device.decoder, sizeof before) == 0);
}

static int act(input_t *input, uint32_t op) {
    uint32_t n = next_byte(input);
    switch (op & 7u) {
    case 0: return feed(1u + (n | (op & 8u) << 5) % model.nb_frag);
    case 1: return feed(model.nb_frag + 1u + n);
    case 2: return feed(16383u - n);
    case 3: device.memory.writes_left = n & 7u; device.memory.torn = n & 0x80u ? MEMORY_SCATTERED : n >> 3; break;
    case 4: return device_reset(&device);
    case 5: refuse(n); break;
    case 6: { /* a burst of fragments in order; one in four is lost */
        int result = FUOTA_FRAG_MORE;
        uint32_t at = 1u + n % model.nb_frag, end = at + (op >> 3) * 2u;
        for (; at < end; at++)
            if ((at * 2654435761u >> 13 & 3u) && (result = feed(at)) < 0) break;
        return result;
    }
    default: return step();
    }
    return device.decoder.phase & 0x80 ? (int8_t)device.decoder.phase : device.decoder.phase != 0;
}

/* Without further disturbances, the remaining steps complete the block. */
static void finish(int result) {
    uint32_t steps = 0;
    device.memory.writes_left = MEMORY_ENDLESS;
    if (result == FUOTA_FRAG_TOO_MANY || fuota_frag_missing(&device.decoder)) return;
    while (step() == FUOTA_FRAG_MORE) CHECK(++steps < 100000u);
    check(FUOTA_FRAG_DONE);
    CHECK(device_reset(&device) == FUOTA_FRAG_DONE);
    check(FUOTA_FRAG_DONE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    input_t input = {data, size};
    uint32_t nb_frag = 1u + (next_byte(&input) | (next_byte(&input) & 1u) << 8) % MOST_FRAGMENTS, frag_size = 1u + next_byte(&input) % 24u;
    uint32_t version = 1u + next_byte(&input) % 3u, capacity = 1u + next_byte(&input) % nb_frag, granularity = 1u << next_byte(&input) % 6u;
    uint32_t scratch = next_byte(&input) & 1u ? next_byte(&input) : capacity + next_byte(&input) % 16u, spare = next_byte(&input);
    int result = FUOTA_FRAG_MORE;
    model_begin(&model, nb_frag, frag_size, version);
    device_begin(&device, &model, capacity, scratch, granularity, spare & 1u ? spare : 0);
    memset(had, 0, sizeof had);
    uncoded = cuts = 0;
    while (input.size && result != FUOTA_FRAG_TOO_MANY) check(result = act(&input, next_byte(&input)));
    finish(result);
    device_end(&device);
    return 0;
}

#ifndef LIBFUZZER
int main(int argc, char **argv) {
    uint32_t rounds = argc > 1 ? (uint32_t)strtoul(argv[1], 0, 10) : 2000u, i, k, x = 1;
    for (i = 0; i < rounds; i++) {
        uint8_t data[600];
        size_t size;
        for (k = 0; k < sizeof data; k++) {
            x = x * 1664525u + 1013904223u;
            data[k] = (uint8_t)(x >> 24);
            if (k > 10 && (data[k] & 7u) > 2u && (data[k] & 7u) < 6u && (x >> 8 & 7u)) data[k] = 6u; /* fewer resets and cuts */
        }
        size = 20u + (x >> 10) % 580u;
        LLVMFuzzerTestOneInput(data, size);
    }
    printf("%lu sequences of calls agree with the model\n", (unsigned long)rounds);
    return 0;
}
#endif
