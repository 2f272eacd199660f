/* SHA-256 (FIPS 180-4) of data in pieces of any length. */
#ifndef SHA256_H
#define SHA256_H

#include <stddef.h>
#include <stdint.h>

#define SHA256_BYTES 32u

typedef struct {
    uint32_t state[8];
    uint32_t length; /* bytes so far; this device never hashes 512 MiB */
    uint8_t block[64];
} sha256_t;

void sha256_init(sha256_t *context);
void sha256_update(sha256_t *context, const uint8_t *data, size_t length);
void sha256_final(sha256_t *context, uint8_t digest[SHA256_BYTES]);

#endif
