// Every fuzzer there is: `run.ts` runs them without end, the unit tests for a thousand steps.

import { bitsFuzzer } from "./bits.fuzz.ts";
import { cellTableFuzzer } from "./cell-table.fuzz.ts";
import { compiledScriptsFuzzer } from "./compiled-scripts.fuzz.ts";
import { decoderFuzzer } from "./decoder.fuzz.ts";
import { dumpPayloadFuzzer } from "./dump-payload.fuzz.ts";
import type { Fuzzer } from "./fuzzer.ts";
import { hashValueFuzzer } from "./hash-value.fuzz.ts";
import { hyperloglogFuzzer } from "./hyperloglog.fuzz.ts";
import { idTableFuzzer } from "./id-table.fuzz.ts";
import { intsetFuzzer } from "./intset.fuzz.ts";
import { listpackFuzzer } from "./listpack.fuzz.ts";
import { memberTableFuzzer } from "./member-table.fuzz.ts";
import { poolFuzzer } from "./pool.fuzz.ts";
import { quicklistFuzzer } from "./quicklist.fuzz.ts";
import { setValueFuzzer } from "./set-value.fuzz.ts";
import { snapshotFuzzer } from "./snapshot.fuzz.ts";
import { sortedSetFuzzer } from "./sorted-set.fuzz.ts";
import { streamFuzzer } from "./stream.fuzz.ts";
import { trackingFuzzer } from "./tracking.fuzz.ts";

export const FUZZERS: readonly Fuzzer[] = [
  decoderFuzzer,
  poolFuzzer,
  sortedSetFuzzer,
  cellTableFuzzer,
  memberTableFuzzer,
  setValueFuzzer,
  listpackFuzzer,
  intsetFuzzer,
  bitsFuzzer,
  hashValueFuzzer,
  hyperloglogFuzzer,
  quicklistFuzzer,
  dumpPayloadFuzzer,
  idTableFuzzer,
  streamFuzzer,
  snapshotFuzzer,
  trackingFuzzer,
  compiledScriptsFuzzer,
];
