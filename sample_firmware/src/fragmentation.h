/* Fragmented data block transport, version 1 (TS004-1.0.0): the commands. What they do is in update.c. */
#ifndef FRAGMENTATION_H
#define FRAGMENTATION_H

#include <stddef.h>
#include <stdint.h>

#define FRAGMENTATION_FPORT 201u

/* One message, that came by unicast or on a multicast group. Setup, delete and version requests are for unicast only and are
   skipped on a group; a command that is unknown or cut off ends the message. */
void fragmentation_downlink(uint8_t group, const uint8_t *payload, size_t length);

#endif
