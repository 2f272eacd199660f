#include "uplink.h"

#include <string.h>

#include "aes.h"

#define MHDR_UNCONFIRMED_UP 0x40u /* TS001-1.0.4, 4.2 */
#define FPORT_READING 2u

/* A device gets its address and keys from the join procedure or from its memory, never from the image that all devices
   share. This board has neither, so these are published numbers for tests only. NetID 0 is for experiments. */
static const uint8_t DEV_ADDR[4] = {0x85, 0x03, 0x00, 0x00}; /* 00000385, little-endian */
static const uint8_t NWK_S_KEY[AES_BLOCK] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
static const uint8_t APP_S_KEY[AES_BLOCK] = {15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0};

static uint32_t frame_counter;

/* Blocks A_i (TS001-1.0.4, 4.3.3) and B_0 (4.4) differ in their first and last byte only; direction 0 is up. */
static void fill_block(uint8_t block[AES_BLOCK], uint8_t first, uint8_t last) {
    memset(block, 0, AES_BLOCK);
    block[0] = first;
    memcpy(block + 6, DEV_ADDR, sizeof DEV_ADDR);
    for (unsigned i = 0; i < 4; i++) block[10 + i] = (uint8_t)(frame_counter >> (8 * i));
    block[15] = last;
}

static void encrypt_payload(uint8_t *payload, size_t length) {
    aes_t aes;
    uint8_t key_stream[AES_BLOCK];
    aes_init(&aes, APP_S_KEY);
    for (size_t i = 0; i < length; i++) {
        if (i % AES_BLOCK == 0) {
            fill_block(key_stream, 0x01, (uint8_t)(i / AES_BLOCK + 1));
            aes_encrypt(&aes, key_stream);
        }
        payload[i] ^= key_stream[i % AES_BLOCK];
    }
}

static void append_mic(uint8_t *frame, size_t length) {
    aes_t aes;
    uint8_t b0[AES_BLOCK], tag[AES_BLOCK];
    aes_init(&aes, NWK_S_KEY);
    fill_block(b0, 0x49, (uint8_t)length);
    aes_cmac(&aes, b0, frame, length, tag);
    memcpy(frame + length, tag, 4);
}

size_t uplink_frame(const uint8_t *payload, size_t length, uint8_t frame[UPLINK_FRAME_MAX]) {
    uint8_t *p = frame;
    *p++ = MHDR_UNCONFIRMED_UP;
    memcpy(p, DEV_ADDR, sizeof DEV_ADDR);
    p += sizeof DEV_ADDR;
    *p++ = 0; /* FCtrl: no ADR, no acknowledgement, no options */
    *p++ = (uint8_t)frame_counter;
    *p++ = (uint8_t)(frame_counter >> 8);
    *p++ = FPORT_READING;
    memcpy(p, payload, length);
    encrypt_payload(p, length);
    p += length;
    append_mic(frame, (size_t)(p - frame));
    frame_counter++;
    return (size_t)(p - frame) + 4;
}
