// Block sizes of the pool: 8-byte steps up to 128 bytes, then eight steps per doubling (6 to 12 %
// apart) up to 256 KiB. Sizes are counted in granules of 8 bytes. A slab is the run of pages that
// one class carves its blocks from: as few pages as waste at most an eighth of the slab.

export const GRANULE_BYTES = 8;
export const PAGE_BYTES = 1 << 16;
/** Pages per chunk of 16 MiB. */
export const CHUNK_PAGES = 256;

const LINEAR_GRANULES = 16;
const LARGEST_SMALL_BYTES = 1 << 18;

/** Largest block, in granules, that comes from a slab. */
export const SMALL_GRANULES_MAX = LARGEST_SMALL_BYTES / GRANULE_BYTES;

/** The class of a block of `granules` granules, 1 <= granules <= SMALL_GRANULES_MAX. */
export function sizeClassOf(granules: number): number {
  if (granules <= LINEAR_GRANULES) return granules;
  const exponent = 31 - Math.clz32(granules - 1);
  const step = exponent - 3;
  return LINEAR_GRANULES + (exponent - 4) * 8 + ((granules - 1) >>> step) - 7;
}

/** Number of classes; class 0 is unused. */
export const SIZE_CLASS_COUNT = sizeClassOf(SMALL_GRANULES_MAX) + 1;

/** Granules of a block of each class. */
export const CLASS_GRANULES = new Int32Array(SIZE_CLASS_COUNT);
/** Pages of a slab of each class. */
export const CLASS_SLAB_PAGES = new Int32Array(SIZE_CLASS_COUNT);
/** Blocks in a slab of each class. */
export const CLASS_SLAB_BLOCKS = new Int32Array(SIZE_CLASS_COUNT);

for (let granules = 1; granules <= SMALL_GRANULES_MAX; granules++) {
  // The last size that maps to a class is the class's block size.
  if (granules > LINEAR_GRANULES) granules += (1 << (31 - Math.clz32(granules - 1) - 3)) - 1;
  CLASS_GRANULES[sizeClassOf(granules)] = granules;
}
for (let sizeClass = 1; sizeClass < SIZE_CLASS_COUNT; sizeClass++) {
  const bytes = CLASS_GRANULES[sizeClass] * GRANULE_BYTES;
  let pages = Math.ceil(bytes / PAGE_BYTES);
  while ((pages * PAGE_BYTES) % bytes > (pages * PAGE_BYTES) / 8) pages++;
  CLASS_SLAB_PAGES[sizeClass] = pages;
  CLASS_SLAB_BLOCKS[sizeClass] = Math.floor((pages * PAGE_BYTES) / bytes);
}
