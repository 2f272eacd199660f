/* Identification block. Its offset and layout are fixed, so that tools can read it from the file. */
#ifndef IMAGE_H
#define IMAGE_H

#include <stdint.h>

#define IMAGE_ID_OFFSET 0xC0u /* right after 16 system and 32 interrupt vectors */
#define IMAGE_ID_LAYOUT 1u

/* 32 bytes, little-endian. A fragmented data block is padded with zeros: `length` gives the real end of the image. */
typedef struct {
    char magic[4]; /* "FWID" */
    uint8_t major, minor, patch;
    uint8_t layout;
    uint32_t length; /* bytes from the vector table to the end of the .bin, digest included */
    uint32_t hardware_id;
    char name[16]; /* padded with zeros */
} image_id_t;

extern const image_id_t image_id;
extern const uint8_t image_start[]; /* from link.ld */

#endif
