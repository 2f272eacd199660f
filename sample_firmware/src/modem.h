/* Line to the radio modem, which runs the LoRaWAN MAC: frames in both directions on UART1, one frame at a time.

   A frame is enclosed by two bytes 0x7E; within it 0x7E and 0x7D are sent as 0x7D and the byte XOR 0x20 (as in RFC 1662). It has
   a kind, a body, and a CRC-16 of both (crc16, low byte first). A damaged frame is dropped; the modem repeats it. */
#ifndef MODEM_H
#define MODEM_H

#include <stddef.h>
#include <stdint.h>

typedef enum {
    /* From the modem. The answer is any number of MODEM_UPLINK and then MODEM_DONE, or a restart with MODEM_STARTED. */
    MODEM_DOWNLINK = 0x01,     /* multicast group 0 to 3 or MODEM_UNICAST, FPort, FRMPayload */
    MODEM_SESSION_OVER = 0x02, /* the time of the multicast session is over: a new image may be started */
    MODEM_UPLINK_DUE = 0x03,   /* the application may transmit */
    /* To the modem. */
    MODEM_UPLINK = 0x81, /* BlockAckDelay 0 to 7 or MODEM_AT_ONCE, FPort, FRMPayload */
    MODEM_DONE = 0x82,
    MODEM_STARTED = 0x83, /* the first frame after a reset */
} modem_kind_t;

#define MODEM_UNICAST 0xFFu
#define MODEM_AT_ONCE 0xFFu
#define MODEM_PAYLOAD_MAX 242u /* RP002-1.0.4, the largest application payload of any region */

void modem_init(void);

/* Reads the received bytes, passes each downlink to the packages and sends the answers. */
void modem_poll(void);

/* Sends FRMPayload on an FPort, at once or after a random time up to 2^(BlockAckDelay + 4) seconds, which the modem draws. */
void modem_uplink(uint8_t block_ack_delay, uint8_t port, const uint8_t *payload, size_t length);

#endif
