#include "model.h"

#include <stdlib.h>
#include <string.h>

void model_begin(model_t *model, uint32_t nb_frag, uint32_t frag_size, uint32_t version) {
    uint32_t i, x = nb_frag * 2654435761u + frag_size;
    memset(model, 0, sizeof *model);
    model->nb_frag = nb_frag;
    model->frag_size = frag_size;
    model->version = version;
    for (i = 0; i < nb_frag * frag_size; i++) {
        x = x * 1664525u + 1013904223u;
        model->block[i] = (uint8_t)(x >> 24);
    }
}

static int has(const model_row_t *row, uint32_t i) { return (int)(row->bits[i / 64u] >> (i % 64u) & 1u); }

model_row_t model_row(const model_t *model, uint32_t n) {
    model_row_t row = {{0}};
    uint32_t m = model->nb_frag, modulus = (m & (m - 1u)) == 0 ? m + 1u : m, count = 0, x, r;
    if (n <= m) {
        row.bits[(n - 1u) / 64u] |= (uint64_t)1 << ((n - 1u) % 64u);
        return row;
    }
    x = 1u + 1001u * (model->version == FUOTA_FRAG_V2_LITERAL ? n : n - m);
    while (count < m / 2u) {
        x = (x >> 1) + (((x ^ x >> 5) & 1u) << 22);
        r = x % modulus;
        if (r >= m || (model->version != FUOTA_FRAG_V1 && has(&row, r))) continue;
        row.bits[r / 64u] |= (uint64_t)1 << (r % 64u);
        count++;
    }
    return row;
}

void model_payload(const model_t *model, uint32_t n, uint8_t *payload) {
    model_row_t row = model_row(model, n);
    uint32_t i, k;
    memset(payload, 0, model->frag_size);
    for (i = 0; i < model->nb_frag; i++)
        for (k = 0; has(&row, i) && k < model->frag_size; k++) payload[k] ^= model->block[i * model->frag_size + k];
}

void model_feed(model_t *model, uint32_t n) {
    model_row_t row = model_row(model, n);
    uint32_t c = model->nb_frag, k;
    while (c--) {
        if (!has(&row, c)) continue;
        if (!has(&model->rows[c], c)) {
            model->rows[c] = row;
            model->rank++;
            return;
        }
        for (k = 0; k < MODEL_WORDS; k++) row.bits[k] ^= model->rows[c].bits[k];
    }
}

void device_begin(device_t *device, const model_t *model, uint32_t capacity, uint32_t scratch, uint32_t granularity, uint32_t spare) {
    uint32_t rows = model->nb_frag + capacity + scratch, row = FUOTA_FRAG_ROW(model->frag_size, granularity);
    uint32_t size = FUOTA_FRAG_STORAGE_BYTES(model->nb_frag, capacity, model->frag_size, granularity, scratch);
    uint32_t octets = FUOTA_FRAG_WORKSPACE(model->nb_frag, capacity, model->frag_size, granularity) + 4u * spare;
    memset(device, 0, sizeof *device);
    device->memory = (memory_t){.octets = malloc(size), .size = size, .rows_end = rows * row, .row = row, .granularity = granularity};
    device->memory.writes_left = device->memory.reads_left = MEMORY_ENDLESS;
    device->workspace = malloc(octets);
    if (!device->memory.octets || !device->workspace) abort();
    memset(device->memory.octets, 0xFF, size);
    memset(device->workspace, 0x5A, octets);
    device->decoder = (fuota_frag_t){.read = memory_read,
                                     .write = memory_write,
                                     .context = &device->memory,
                                     .workspace = device->workspace,
                                     .workspace_words = octets / 4u,
                                     .nb_frag = (uint16_t)model->nb_frag,
                                     .capacity = (uint16_t)capacity,
                                     .scratch = (uint16_t)scratch,
                                     .frag_size = (uint8_t)model->frag_size,
                                     .granularity = (uint8_t)granularity,
                                     .version = (uint8_t)model->version,
                                     .frag_index = 2};
    if (fuota_frag_init(&device->decoder) != FUOTA_FRAG_MORE) abort();
}

void device_end(device_t *device) {
    free(device->memory.octets);
    free(device->workspace);
}

/* Resets the device: all content of RAM is lost, except the fields that the program sets again. */
int device_reset(device_t *device) {
    fuota_frag_t *f = &device->decoder;
    fuota_frag_t fresh = {.read = f->read,
                          .write = f->write,
                          .context = f->context,
                          .workspace = f->workspace,
                          .workspace_words = f->workspace_words,
                          .nb_frag = f->nb_frag,
                          .capacity = f->capacity,
                          .scratch = f->scratch,
                          .frag_size = f->frag_size,
                          .granularity = f->granularity,
                          .version = f->version,
                          .frag_index = f->frag_index};
    memset(f, 0xC3, sizeof *f);
    *f = fresh;
    memset(device->workspace, 0xC3, f->workspace_words * 4u);
    device->memory.writes_left = device->memory.reads_left = MEMORY_ENDLESS;
    device->resets++;
    return fuota_frag_resume(f);
}

int device_holds(const device_t *device, const model_t *model) {
    uint32_t i;
    for (i = 0; i < model->nb_frag; i++)
        if (memcmp(device->memory.octets + i * device->memory.row, model->block + i * model->frag_size, model->frag_size)) return 0;
    return 1;
}
