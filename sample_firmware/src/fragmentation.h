/* Fragmented data block transport, version 1 (TS004-1.0.0): the commands. update.c executes them. */
#ifndef FRAGMENTATION_H
#define FRAGMENTATION_H

#include <stddef.h>
#include <stdint.h>

#define FRAGMENTATION_FPORT 201u

/* Executes a message that arrived by unicast or on a multicast group. Setup, delete and version requests are unicast only
   and skipped on a group; an unknown or truncated command ends the message. */
void fragmentation_downlink(uint8_t group, const uint8_t *payload, size_t length);

#endif
