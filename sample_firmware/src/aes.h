/* AES-128, encryption only (FIPS 197), and its CMAC (RFC 4493): all that a LoRaWAN end device needs. */
#ifndef AES_H
#define AES_H

#include <stddef.h>
#include <stdint.h>

#define AES_BLOCK 16u

typedef struct {
    uint8_t round_keys[11][AES_BLOCK];
} aes_t;

void aes_init(aes_t *aes, const uint8_t key[AES_BLOCK]);

/* Encrypts the block in place. */
void aes_encrypt(const aes_t *aes, uint8_t block[AES_BLOCK]);

/* Computes the CMAC of `head` (one block) followed by `data`; `length` is at least 1. */
void aes_cmac(const aes_t *aes, const uint8_t head[AES_BLOCK], const uint8_t *data, size_t length,
              uint8_t tag[AES_BLOCK]);

#endif
