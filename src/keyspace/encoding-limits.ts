// Up to which size a collection is kept in place, in a compact form, by the names that Redis's
// configuration gives these limits. Negative list limits are sizes in bytes: -1 to -5 for 4 to 64
// KiB.

/** The encoding thresholds of one server; kept up to date with its configuration. */
export class EncodingLimits {
  listMaxListpackSize = -2;
  listCompressDepth = 0;
  /** DEBUG QUICKLIST-PACKED-THRESHOLD; 0 where it was not given. */
  listPackedThreshold = 0;
  setMaxIntsetEntries = 512;
  setMaxListpackEntries = 128;
  setMaxListpackValue = 64;
  hashMaxListpackEntries = 512;
  hashMaxListpackValue = 64;
  zsetMaxListpackEntries = 128;
  zsetMaxListpackValue = 64;
  streamNodeMaxBytes = 4096;
  streamNodeMaxEntries = 100;
  hllSparseMaxBytes = 3000;
}
