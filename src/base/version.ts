// The versions this program reports, in one place.

/** This program's own version: `miniredis_version` in INFO and the start-up lines. */
export const MINIREDIS_VERSION = "1.0.0";

/**
 * The Redis version whose behaviour clients may count on: `redis_version` in INFO, `version` in
 * HELLO. Libraries switch features on by it.
 */
export const REDIS_VERSION = "7.4.0";
