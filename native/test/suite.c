/* Tests of the contract of fuota_frag.h, one promise at a time; most of them are about power cuts. */
#include "check.h"
#include "model.h"

#include <string.h>

static model_t model;

static int feed(device_t *device, uint32_t n) {
    uint8_t payload[255];
    model_payload(&model, n, payload);
    return fuota_frag_feed(&device->decoder, n | 2u << 14, payload, model.frag_size);
}

static int solve(device_t *device) {
    int result;
    while ((result = fuota_frag_step(&device->decoder)) == FUOTA_FRAG_MORE) CHECK(fuota_frag_missing(&device->decoder) == 0);
    return result;
}

/* A session, and which fragments arrive: nb_frag - lost uncoded fragments, then coded fragments. */
typedef struct {
    uint32_t nb_frag, frag_size, version, capacity, scratch, granularity, spare, lost, shuffled;
} case_t;

static const case_t cases[] = {
    {.nb_frag = 20, .frag_size = 8, .version = 1, .capacity = 20, .scratch = 24, .granularity = 8, .lost = 7},
    {.nb_frag = 33, .frag_size = 5, .version = 2, .capacity = 12, .scratch = 40, .granularity = 4, .lost = 11, .shuffled = 1},
    {.nb_frag = 300, .frag_size = 1, .version = 2, .capacity = 9, .scratch = 12, .granularity = 1, .lost = 9},
    {.nb_frag = 300, .frag_size = 3, .version = 3, .capacity = 10, .scratch = 14, .granularity = 2, .lost = 10, .spare = 9},
    {.nb_frag = 16, .frag_size = 33, .version = 1, .capacity = 9, .scratch = 30, .granularity = 32, .lost = 9, .shuffled = 1},
    {.nb_frag = 64, .frag_size = 12, .version = 1, .capacity = 64, .scratch = 70, .granularity = 1, .lost = 63},
    {.nb_frag = 1, .frag_size = 4, .version = 1, .capacity = 1, .scratch = 1, .granularity = 4, .lost = 0},
};
#define CASES (sizeof cases / sizeof *cases)

static void begin(const case_t *c, device_t *device) {
    model_begin(&model, c->nb_frag, c->frag_size, c->version);
    device_begin(device, &model, c->capacity, c->scratch, c->granularity, c->spare);
}

/* Returns the number of the k-th fragment that arrives. */
static uint32_t number(const case_t *c, uint32_t k) {
    uint32_t kept = c->nb_frag - c->lost;
    if (c->shuffled) k = k < kept + c->lost ? (k * 7u + 3u) % (kept + c->lost) : k; /* neither 7 nor 13 divides an nb_frag used here */
    return k < kept ? 1u + (k * 13u + 5u) % c->nb_frag : c->nb_frag + 1u + k - kept;
}

/* Receives fragments until the block is complete (result 0) or the storage fails. */
static int receive(const case_t *c, device_t *device) {
    uint32_t k;
    int result = FUOTA_FRAG_MORE;
    for (k = 0; fuota_frag_missing(&device->decoder) && result > 0; k++) result = feed(device, number(c, k));
    return result > 0 ? solve(device) : result;
}

static void check_done(device_t *device) {
    CHECK(fuota_frag_missing(&device->decoder) == 0);
    CHECK(device_holds(device, &model));
    CHECK(device->memory.faults == 0);
    CHECK(fuota_frag_step(&device->decoder) == FUOTA_FRAG_DONE);
    CHECK(feed(device, 1) == FUOTA_FRAG_DONE);
}

static uint32_t writes_of(const device_t *device) { return device->memory.row_writes + device->memory.mark_writes; }

static void every_case_completes_without_writing_a_row_twice(void) {
    uint32_t i;
    for (i = 0; i < CASES; i++) {
        device_t device;
        begin(cases + i, &device);
        CHECK(receive(cases + i, &device) == FUOTA_FRAG_DONE);
        check_done(&device);
        CHECK(device.memory.rewritten == 0);
        CHECK(device.memory.row_writes == device.memory.mark_writes);
        CHECK(device.memory.row_writes <= model.nb_frag + 2u * cases[i].lost + (cases[i].shuffled ? cases[i].scratch : 0));
        device_end(&device);
    }
}

/* Tests a power cut in write number `at` after `torn` bytes of it, and a second cut after `again` further writes. */
static void cut(const case_t *c, uint32_t at, uint32_t torn, uint32_t again) {
    device_t device;
    int result;
    begin(c, &device);
    device.memory.writes_left = at;
    device.memory.torn = torn;
    CHECK(receive(c, &device) == FUOTA_FRAG_STORAGE);
    CHECK(fuota_frag_step(&device.decoder) == FUOTA_FRAG_STORAGE);
    result = device_reset(&device);
    CHECK(result != FUOTA_FRAG_DONE || device_holds(&device, &model));
    device.memory.writes_left = again;
    result = receive(c, &device);
    if (result == FUOTA_FRAG_STORAGE) {
        result = device_reset(&device);
        CHECK(result != FUOTA_FRAG_DONE || device_holds(&device, &model));
        result = receive(c, &device);
    }
    CHECK(result == FUOTA_FRAG_DONE);
    check_done(&device);
    CHECK(device.memory.rewritten <= 3u * device.resets);
    device_end(&device);
}

static void power_may_fail_in_every_write(void) {
    static const uint32_t torn[] = {0, 1, 2, 3, 0xFFFFu, MEMORY_SCATTERED};
    uint32_t i, at, t, writes;
    for (i = 0; i < CASES; i++) {
        device_t device;
        begin(cases + i, &device);
        receive(cases + i, &device);
        writes = writes_of(&device);
        device_end(&device);
        for (at = 0; at < writes; at++)
            for (t = 0; t < sizeof torn / sizeof *torn; t++) {
                cut(cases + i, at, torn[t], MEMORY_ENDLESS);
                if (writes < 100u || at % 17u == 0) cut(cases + i, at, torn[t], at % 5u);
            }
    }
}

/* Tests a reset before every call. */
static void reset_may_come_at_any_point(void) {
    uint32_t i, at, calls, end;
    for (i = 0; i < CASES; i++)
        for (at = 0, end = 1; at < end; at++) {
            device_t device;
            uint32_t k = 0;
            begin(cases + i, &device);
            for (calls = 0; device.decoder.phase; calls++) {
                if (calls == at) CHECK(device_reset(&device) >= 0);
                if (fuota_frag_missing(&device.decoder))
                    CHECK(feed(&device, number(cases + i, k++)) >= 0);
                else
                    CHECK(fuota_frag_step(&device.decoder) >= 0);
            }
            check_done(&device);
            CHECK(device.memory.rewritten == 0);
            end = calls < 400u ? calls : 400u;
            device_end(&device);
        }
}

/* A reset undoes less work than the promised number of steps does. */
static void resets_between_enough_steps_do_not_prevent_completion(void) {
    uint32_t i, calls, steps;
    for (i = 0; i < CASES; i++) {
        device_t device;
        begin(cases + i, &device);
        for (calls = 0; fuota_frag_missing(&device.decoder); calls++) CHECK(feed(&device, number(cases + i, calls)) >= 0);
        for (steps = 0; fuota_frag_step(&device.decoder); steps++) {
            if (steps % (cases[i].lost + cases[i].nb_frag / 32u + 10u) == 0) CHECK(device_reset(&device) == FUOTA_FRAG_MORE);
            CHECK(steps < 20000u);
        }
        check_done(&device);
        device_end(&device);
    }
}

static void reading_may_fail_anywhere(void) {
    uint32_t i, at;
    int result;
    for (i = 0; i < CASES; i++)
        for (at = 0, result = FUOTA_FRAG_STORAGE; result == FUOTA_FRAG_STORAGE; at += 1u + at / 8u) {
            device_t device;
            begin(cases + i, &device);
            device.memory.reads_left = at;
            result = receive(cases + i, &device);
            if (result == FUOTA_FRAG_STORAGE) {
                CHECK(fuota_frag_step(&device.decoder) == FUOTA_FRAG_STORAGE);
                CHECK(feed(&device, 1) == FUOTA_FRAG_STORAGE);
                device.memory.reads_left = at;
                if (fuota_frag_resume(&device.decoder) == FUOTA_FRAG_STORAGE) device.memory.reads_left = MEMORY_ENDLESS;
                device_reset(&device);
                CHECK(receive(cases + i, &device) == FUOTA_FRAG_DONE);
            }
            check_done(&device);
            device_end(&device);
        }
}

static void more_memory_than_needed(void) {
    static const case_t c = {.nb_frag = 301, .frag_size = 2, .version = 1, .capacity = 301, .scratch = 310, .granularity = 1, .lost = 300, .spare = 9000};
    device_t device;
    begin(&c, &device);
    CHECK(receive(&c, &device) == FUOTA_FRAG_DONE);
    check_done(&device);
    device_end(&device);
}

static void losses_above_the_capacity_remain_an_error(void) {
    device_t device;
    uint32_t n;
    int result = FUOTA_FRAG_MORE;
    model_begin(&model, 40, 8, FUOTA_FRAG_V1);
    device_begin(&device, &model, 10, 16, 4, 0);
    for (n = 1; n <= 29; n++) CHECK(feed(&device, n) == FUOTA_FRAG_MORE); /* the tail is lost, which shows only when a coded fragment arrives */
    for (n = 41; n <= 56; n++) CHECK(feed(&device, n) == FUOTA_FRAG_MORE);
    CHECK(feed(&device, 41) == FUOTA_FRAG_MORE); /* a repeated fragment needs no row */
    CHECK(feed(&device, 57) == FUOTA_FRAG_TOO_MANY);
    CHECK(fuota_frag_missing(&device.decoder) == 11);
    for (n = 30; n <= 40; n++) CHECK(feed(&device, n) == FUOTA_FRAG_TOO_MANY);
    CHECK(fuota_frag_step(&device.decoder) == FUOTA_FRAG_TOO_MANY);
    result = device_reset(&device); /* decoding can continue after a reset: the storage is intact */
    for (n = 30; n <= 40 && fuota_frag_missing(&device.decoder); n++) result = feed(&device, n);
    CHECK(result == FUOTA_FRAG_MORE && solve(&device) == FUOTA_FRAG_DONE);
    check_done(&device);
    device_end(&device);
}

static void reception_without_losses_completes_at_once(void) {
    device_t device;
    uint32_t n;
    model_begin(&model, 257, 4, FUOTA_FRAG_V2);
    device_begin(&device, &model, 1, 0, 4, 0);
    for (n = 257; n > 1; n--) CHECK(feed(&device, n) == FUOTA_FRAG_MORE);
    CHECK(feed(&device, 1) == FUOTA_FRAG_DONE);
    CHECK(device.memory.row_reads == 0);
    check_done(&device);
    device.memory.reads_left = 257; /* enough for the marks of the block, but not for a further read */
    CHECK(fuota_frag_resume(&device.decoder) == FUOTA_FRAG_STORAGE);
    CHECK(device_reset(&device) == FUOTA_FRAG_DONE);
    device_end(&device);
}

static void sessions_are_independent_and_begin_clean(void) {
    device_t first, second;
    uint32_t k, n;
    model_begin(&model, 30, 4, FUOTA_FRAG_V1);
    device_begin(&first, &model, 9, 20, 4, 0);
    device_begin(&second, &model, 9, 20, 4, 0);
    for (n = 1; n < 80; n++) {
        if (n % 4u) CHECK(feed(&first, n) >= 0);
        if (n % 5u) CHECK(feed(&second, n) >= 0);
    }
    while (fuota_frag_step(&first.decoder) | fuota_frag_step(&second.decoder)) {}
    check_done(&first);
    check_done(&second);
    for (k = 0; k < first.memory.size; k++) first.memory.octets[k] = 0xFF;
    CHECK(fuota_frag_init(&first.decoder) == FUOTA_FRAG_MORE);
    CHECK(fuota_frag_missing(&first.decoder) == 30);
    for (n = 1; n < 80; n++) CHECK(feed(&first, n) >= 0);
    check_done(&first);
    device_end(&first);
    device_end(&second);
}

static void invalid_fields_are_refused(void) {
    device_t device;
    fuota_frag_t good;
    model_begin(&model, 40, 8, FUOTA_FRAG_V1);
    device_begin(&device, &model, 10, 12, 4, 0);
    good = device.decoder;
#define REFUSED(field, value) \
    do { \
        device.decoder = good; \
        device.decoder.field = (value); \
        CHECK(fuota_frag_init(&device.decoder) == FUOTA_FRAG_REFUSED); \
        CHECK(fuota_frag_resume(&device.decoder) == FUOTA_FRAG_REFUSED); \
        CHECK(feed(&device, 1) == FUOTA_FRAG_REFUSED); \
        CHECK(fuota_frag_step(&device.decoder) == FUOTA_FRAG_REFUSED); \
    } while (0)
    REFUSED(nb_frag, 0);
    REFUSED(nb_frag, 16384);
    REFUSED(nb_frag, 9); /* less than the capacity */
    REFUSED(capacity, 0);
    REFUSED(capacity, 41);
    REFUSED(frag_size, 0);
    REFUSED(version, 0);
    REFUSED(version, 4);
    REFUSED(frag_index, 4);
    REFUSED(granularity, 0);
    REFUSED(granularity, 3);
    REFUSED(granularity, 64);
    REFUSED(workspace_words, good.workspace_words - 1u);
    device.decoder = good;
    CHECK(fuota_frag_init(&device.decoder) == FUOTA_FRAG_MORE);
    device_end(&device);
}

static uint32_t cmac_bytes;

static void cmac_update(void *context, const void *data, uint32_t length) {
    const uint8_t *octets = data;
    uint8_t *sum = context;
    uint32_t i;
    for (i = 0; i < length; i++) sum[cmac_bytes++ % 16u] ^= octets[i];
}

static void cmac_finish(void *context, uint8_t mac[16]) { memcpy(mac, context, 16); }

/* Checks "123456789", whose CRC-32 and SHA-256 are published, in five fragments; tests/device/test_native.py has other blocks and real CMACs. */
static void checks_of_the_block(void) {
    static const uint8_t digest[4] = {0x15, 0xe2, 0xb0, 0xd3};
    fuota_frag_crc32_t crc = {.padding = 1};
    fuota_frag_sha256_t sha = {.padding = 1};
    uint8_t sum[16] = {0}, short_sum[16] = {0};
    fuota_frag_mic_t mic = {.update = cmac_update, .finish = cmac_finish, .context = sum, .padding = 1, .session_cnt = 0x1234, .descriptor = {1, 2, 3, 4}};
    fuota_frag_mic_t wrong;
    device_t device;
    uint32_t n;
    int result;
    model_begin(&model, 5, 2, FUOTA_FRAG_V2);
    memcpy(model.block, "123456789", 10);
    device_begin(&device, &model, 5, 9, 4, 0);
    CHECK(fuota_frag_crc32(&device.decoder, &crc) == FUOTA_FRAG_MORE && crc.row == 0);
    CHECK(fuota_frag_sha256(&device.decoder, &sha) == FUOTA_FRAG_MORE && sha.row == 0);
    CHECK(fuota_frag_check_mic(&device.decoder, &mic) == FUOTA_FRAG_MORE && mic.row == 0);
    for (n = 1; n <= 5; n++) feed(&device, n);
    for (n = 1; fuota_frag_crc32(&device.decoder, &crc) == FUOTA_FRAG_MORE; n++) {}
    CHECK(n == 5 && crc.crc == 0xCBF43926u);
    CHECK(fuota_frag_crc32(&device.decoder, &crc) == FUOTA_FRAG_DONE && crc.crc == 0xCBF43926u);
    for (n = 1; fuota_frag_sha256(&device.decoder, &sha) == FUOTA_FRAG_MORE; n++) {}
    CHECK(n == 5 && memcmp(sha.digest, digest, 4) == 0);
    CHECK(fuota_frag_sha256(&device.decoder, &sha) == FUOTA_FRAG_DONE && memcmp(sha.digest, digest, 4) == 0);
    wrong = mic;
    wrong.context = short_sum;
    while ((result = fuota_frag_check_mic(&device.decoder, &wrong)) == FUOTA_FRAG_MORE) {}
    CHECK(result == FUOTA_FRAG_MISMATCH && cmac_bytes == 16u + 9u);
    memcpy(mic.mic, short_sum, 4);
    cmac_bytes = 0;
    while ((result = fuota_frag_check_mic(&device.decoder, &mic)) == FUOTA_FRAG_MORE) {}
    CHECK(result == FUOTA_FRAG_DONE);
    CHECK(fuota_frag_check_mic(&device.decoder, &mic) == FUOTA_FRAG_DONE); /* no row is left: same result again */
    crc.row = 0;
    crc.padding = 200; /* more than the size of a fragment: nothing is read past the end */
    while (fuota_frag_crc32(&device.decoder, &crc) == FUOTA_FRAG_MORE) {}
    mic.row = 0;
    device.memory.reads_left = 0;
    CHECK(fuota_frag_check_mic(&device.decoder, &mic) == FUOTA_FRAG_STORAGE);
    device_end(&device);
}

int main(void) {
    checks_of_the_block();
    every_case_completes_without_writing_a_row_twice();
    reception_without_losses_completes_at_once();
    invalid_fields_are_refused();
    more_memory_than_needed();
    losses_above_the_capacity_remain_an_error();
    sessions_are_independent_and_begin_clean();
    reading_may_fail_anywhere();
    reset_may_come_at_any_point();
    resets_between_enough_steps_do_not_prevent_completion();
    power_may_fail_in_every_write();
    puts("the contract holds");
    return 0;
}
