"""LoRaWAN MAC layer: join procedure, data frames and multicast frames."""
