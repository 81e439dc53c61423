// hot path: no allocation per command
//
// The sparse form of HyperLogLog registers: opcodes that cover all registers in order.
//
//   00llllll            ZERO   l + 1 registers (1 to 64) are zero
//   01llllll llllllll   XZERO  l + 1 registers (1 to 16384) are zero
//   1vvvvvll            VAL    l + 1 registers (1 to 4) have rank v + 1 (1 to 32)
//
// A register is raised in two steps, between which the caller makes room: `planRaise` finds the
// opcode that covers it and works out what takes its place, `applyRaise` writes that and joins
// equal neighbours. Which opcodes come out is Redis's choice, step by step, not the shortest form.
//
// A string written by a client may hold anything: runs past the last register, too few of them, an
// XZERO cut in half, whose missing byte counts as zero.

const REGISTER_COUNT = 1 << 14;
const VAL = 0x80;
const XZERO = 0x40;
const ZERO_RUN_MAX = 64;
const VAL_RUN_MAX = 4;
export const VAL_RANK_MAX = 32;
/** Opcodes looked at when neighbours are joined. */
const JOINED_OPCODES = 5;

export const UNCHANGED = 0;
export const PLANNED = 1;
export const CORRUPT = -1;

/** What `planRaise` decided. Offsets count from the start of the opcodes. */
const plan = {
  /** The opcode to be replaced, and the one in front of it, or 0 for none. */
  at: 0,
  previous: 0,
  /** Its bytes, and how many take their place. */
  replaced: 0,
  length: 0,
};

const opcodes = new Uint8Array(5);

/** Registers that the opcode at an offset covers. */
function runAt(bytes: Uint8Array, at: number, end: number): number {
  const opcode = bytes[at];
  if ((opcode & VAL) !== 0) return (opcode & 3) + 1;
  if ((opcode & XZERO) === 0) return opcode + 1;
  return (((opcode & 0x3f) << 8) | (at + 1 < end ? bytes[at + 1] : 0)) + 1;
}

function opcodeBytes(opcode: number): number {
  return (opcode & (VAL | XZERO)) === XZERO ? 2 : 1;
}

function rankOf(opcode: number): number {
  return (opcode & VAL) === 0 ? 0 : ((opcode >>> 2) & 31) + 1;
}

/** Counts the ranks of all registers into a histogram; false where they are not all there. */
export function addSparseRanks(
  histogram: Int32Array,
  bytes: Uint8Array,
  start: number,
  end: number,
): boolean {
  let register = 0;
  for (let at = start; at < end && register <= REGISTER_COUNT; ) {
    const run = runAt(bytes, at, end);
    histogram[rankOf(bytes[at])] += run;
    register += run;
    at += opcodeBytes(bytes[at]);
  }
  return register === REGISTER_COUNT;
}

/** Raises ranks to those of bytes[start, end); false where the registers are not all there. */
export function expandSparse(
  ranks: Uint8Array,
  bytes: Uint8Array,
  start: number,
  end: number,
): boolean {
  let register = 0;
  for (let at = start; at < end; ) {
    const run = runAt(bytes, at, end);
    if (register + run > REGISTER_COUNT) return false;
    const rank = rankOf(bytes[at]);
    if (rank > 0) {
      for (let k = register; k < register + run; k++) if (rank > ranks[k]) ranks[k] = rank;
    }
    register += run;
    at += opcodeBytes(bytes[at]);
  }
  return register === REGISTER_COUNT;
}

/**
 * Works out how a register of the opcodes bytes[start, end) is raised to a rank of at most
 * VAL_RANK_MAX. Returns PLANNED, UNCHANGED where it is as high already, or CORRUPT where no opcode
 * covers it.
 */
export function planRaise(
  bytes: Uint8Array,
  start: number,
  end: number,
  register: number,
  rank: number,
): number {
  let at = start;
  let previous = start;
  let first = 0;
  let run = 0;
  while (at < end) {
    run = runAt(bytes, at, end);
    if (register < first + run) break;
    first += run;
    previous = at;
    at += opcodeBytes(bytes[at]);
  }
  if (at >= end) return CORRUPT;
  const opcode = bytes[at];
  const oldRank = rankOf(opcode);
  if (oldRank >= rank) return UNCHANGED;
  plan.at = at - start;
  plan.previous = previous - start;
  plan.replaced = opcodeBytes(opcode);
  plan.length = 0;
  if (register > first) pushRun(oldRank, register - first);
  pushRun(rank, 1);
  const behind = first + run - 1 - register;
  if (behind > 0) pushRun(oldRank, behind);
  return PLANNED;
}

/** How many bytes more than before a planned raise takes; less than zero for fewer. */
export function plannedGrowth(): number {
  return plan.length - plan.replaced;
}

function pushRun(rank: number, run: number): void {
  if (rank > 0) {
    opcodes[plan.length++] = VAL | ((rank - 1) << 2) | (run - 1);
  } else if (run > ZERO_RUN_MAX) {
    opcodes[plan.length++] = XZERO | ((run - 1) >>> 8);
    opcodes[plan.length++] = (run - 1) & 0xff;
  } else {
    opcodes[plan.length++] = run - 1;
  }
}

/**
 * Carries out what was planned for opcodes that ended at `end`; there must be room for the growth
 * behind it. Returns where the opcodes end now.
 */
export function applyRaise(bytes: Uint8Array, start: number, end: number): number {
  const at = start + plan.at;
  const behind = at + plan.replaced;
  let newEnd = end + plan.length - plan.replaced;
  if (behind < end && plan.length !== plan.replaced) {
    bytes.copyWithin(at + plan.length, behind, end);
  }
  for (let k = 0; k < plan.length && at + k < newEnd; k++) bytes[at + k] = opcodes[k];
  newEnd = joinNeighbours(bytes, start + plan.previous, newEnd);
  return newEnd;
}

/** Joins VAL opcodes of equal rank where their runs fit one. Returns the new end. */
function joinNeighbours(bytes: Uint8Array, start: number, end: number): number {
  let newEnd = end;
  let at = start;
  for (let k = 0; k < JOINED_OPCODES && at < newEnd; k++) {
    const opcode = bytes[at];
    if ((opcode & VAL) !== 0 && at + 1 < newEnd && (bytes[at + 1] & VAL) !== 0) {
      const run = (opcode & 3) + 1 + (bytes[at + 1] & 3) + 1;
      if (rankOf(opcode) === rankOf(bytes[at + 1]) && run <= VAL_RUN_MAX) {
        bytes[at + 1] = (opcode & ~3) | (run - 1);
        bytes.copyWithin(at, at + 1, newEnd);
        newEnd--;
        continue;
      }
    }
    at += opcodeBytes(opcode);
  }
  return newEnd;
}

/** What follows an opcode in PFDEBUG DECODE's text. Cold: a new array of ASCII text. */
export function decodeSparse(bytes: Uint8Array, start: number, end: number): Uint8Array {
  let length = 0;
  for (let at = start; at < end; at += opcodeBytes(bytes[at])) {
    length += describeOpcode(bytes, at, end).length + 1;
  }
  const text = new Uint8Array(Math.max(0, length - 1));
  let offset = 0;
  for (let at = start; at < end; at += opcodeBytes(bytes[at])) {
    const described = describeOpcode(bytes, at, end);
    if (offset > 0) text[offset++] = 32;
    for (let k = 0; k < described.length; k++) text[offset++] = described.charCodeAt(k);
  }
  return text;
}

/** Cold: allocates. */
function describeOpcode(bytes: Uint8Array, at: number, end: number): string {
  const opcode = bytes[at];
  const run = runAt(bytes, at, end);
  if ((opcode & VAL) !== 0) return `v:${rankOf(opcode)},${run}`;
  return `${opcodeBytes(opcode) === 2 ? "Z" : "z"}:${run}`;
}
