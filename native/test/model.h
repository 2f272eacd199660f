/* Models for the tests of the decoder: a sender, a plain Gaussian elimination, and a device whose power fails. */
#ifndef FUOTA_TEST_MODEL_H
#define FUOTA_TEST_MODEL_H

#include "../fuota_frag.h"
#include "../host/memory.h"

#define MOST_FRAGMENTS 320u
#define MODEL_WORDS (MOST_FRAGMENTS / 64u)

typedef struct {
    uint64_t bits[MODEL_WORDS];
} model_row_t;

typedef struct {
    uint32_t nb_frag, frag_size, version;
    uint8_t block[MOST_FRAGMENTS * 255u];
    model_row_t rows[MOST_FRAGMENTS]; /* the highest column of row p is p, or the row is empty */
    uint32_t rank;
} model_t;

void model_begin(model_t *model, uint32_t nb_frag, uint32_t frag_size, uint32_t version);
model_row_t model_row(const model_t *model, uint32_t n);
void model_payload(const model_t *model, uint32_t n, uint8_t *payload);
void model_feed(model_t *model, uint32_t n);

/* A decoder with its memory and storage. The arrays have their exact size, so that a sanitizer detects accesses past their ends. */
typedef struct {
    fuota_frag_t decoder;
    memory_t memory;
    uint32_t *workspace;
    uint32_t resets;
} device_t;

void device_begin(device_t *device, const model_t *model, uint32_t capacity, uint32_t scratch, uint32_t granularity, uint32_t spare);
void device_end(device_t *device);
int device_reset(device_t *device);
int device_holds(const device_t *device, const model_t *model);

#endif
