/* LoRaWAN data frames (TS001-1.0.4, chapter 4), ready for a radio, which this board does not have. */
#ifndef UPLINK_H
#define UPLINK_H

#include <stddef.h>
#include <stdint.h>

#define UPLINK_PAYLOAD_MAX 32u
#define UPLINK_FRAME_MAX (UPLINK_PAYLOAD_MAX + 13u)

/* Wraps the payload (1 to UPLINK_PAYLOAD_MAX bytes) as an unconfirmed uplink with the next frame counter; returns the
   length of the frame. */
size_t uplink_frame(const uint8_t *payload, size_t length, uint8_t frame[UPLINK_FRAME_MAX]);

#endif
