// Every command family of the server.

import type { CommandFamily } from "../command/spec.ts";
import { bitmapCommands } from "./bitmaps.ts";
import { bitmapFieldCommands } from "./bitmaps-field.ts";
import { bitmapOperationCommands } from "./bitmaps-operations.ts";
import { clientCommands } from "./client.ts";
import { commandCommands } from "./command.ts";
import { configCommands } from "./config.ts";
import { connectionCommands } from "./connection.ts";
import { databaseCommands } from "./databases.ts";
import { debugCommands } from "./debug.ts";
import { dumpCommands, restoreAskingCommands } from "./dump.ts";
import { expiryCommands } from "./expiry.ts";
import type { Features } from "./features.ts";
import { genericCommands } from "./generic.ts";
import { objectCommands } from "./generic-object.ts";
import { geoCommands } from "./geo.ts";
import { geoSearchCommands } from "./geo-search.ts";
import { hashCommands } from "./hashes.ts";
import { hashExpiryCommands } from "./hashes-expiry.ts";
import { hashExpiryValueCommands } from "./hashes-expiry-values.ts";
import { hashNumericCommands } from "./hashes-numeric.ts";
import { hashRandomCommands } from "./hashes-random.ts";
import { hashWholeCommands } from "./hashes-whole.ts";
import { hyperloglogCommands } from "./hyperloglog.ts";
import { hyperloglogDebugCommands } from "./hyperloglog-debug.ts";
import { latencyCommands } from "./latency.ts";
import { listCommands } from "./lists.ts";
import { listBlockingCommands } from "./lists-blocking.ts";
import { listChangeCommands } from "./lists-change.ts";
import { listMoveCommands } from "./lists-move.ts";
import { listPopCommands } from "./lists-pop.ts";
import { memoryCommands } from "./memory.ts";
import { persistenceCommands } from "./persistence.ts";
import { pubsubCommands } from "./pubsub.ts";
import { pubsubInspectionCommands } from "./pubsub-inspection.ts";
import { scanCommands } from "./scan.ts";
import { scriptingCommands } from "./scripting.ts";
import { serverCommands } from "./server.ts";
import { setCommands } from "./sets.ts";
import { setCombinedCommands } from "./sets-combined.ts";
import { setRandomCommands } from "./sets-random.ts";
import { setScanCommands } from "./sets-scan.ts";
import { slowlogCommands } from "./slowlog.ts";
import { sortCommands } from "./sort.ts";
import { sortedSetCommands } from "./sorted-sets.ts";
import { sortedSetAggregateCommands } from "./sorted-sets-aggregate.ts";
import { sortedSetIntervalCommands } from "./sorted-sets-intervals.ts";
import { sortedSetPopCommands } from "./sorted-sets-pop.ts";
import { sortedSetRangeCommands } from "./sorted-sets-ranges.ts";
import { sortedSetScanCommands } from "./sorted-sets-scan.ts";
import { streamCommands } from "./streams.ts";
import { streamGroupCommands } from "./streams-groups.ts";
import { streamInfoCommands } from "./streams-info.ts";
import { streamPendingCommands } from "./streams-pending.ts";
import { streamReadCommands } from "./streams-read.ts";
import { stringCommands } from "./strings.ts";
import { stringLcsCommands } from "./strings-lcs.ts";
import { stringMultipleCommands } from "./strings-multiple.ts";
import { stringNumericCommands } from "./strings-numeric.ts";
import { stringRangeCommands } from "./strings-range.ts";

import { transactionCommands } from "./transactions.ts";

export const families: readonly CommandFamily<Features>[] = [
  bitmapCommands,
  bitmapFieldCommands,
  bitmapOperationCommands,
  clientCommands,
  commandCommands,
  configCommands,
  connectionCommands,
  databaseCommands,
  debugCommands,
  dumpCommands,
  restoreAskingCommands,
  expiryCommands,
  genericCommands,
  geoCommands,
  geoSearchCommands,
  hashCommands,
  hashExpiryCommands,
  hashExpiryValueCommands,
  hashNumericCommands,
  hashRandomCommands,
  hashWholeCommands,
  hyperloglogCommands,
  hyperloglogDebugCommands,
  latencyCommands,
  listBlockingCommands,
  listChangeCommands,
  listCommands,
  listMoveCommands,
  listPopCommands,
  memoryCommands,
  objectCommands,
  persistenceCommands,
  pubsubCommands,
  pubsubInspectionCommands,
  scanCommands,
  scriptingCommands,
  serverCommands,
  setCombinedCommands,
  setCommands,
  setRandomCommands,
  setScanCommands,
  slowlogCommands,
  sortCommands,
  sortedSetAggregateCommands,
  sortedSetCommands,
  sortedSetIntervalCommands,
  sortedSetPopCommands,
  sortedSetRangeCommands,
  sortedSetScanCommands,
  streamCommands,
  streamGroupCommands,
  streamInfoCommands,
  streamPendingCommands,
  streamReadCommands,
  stringCommands,
  stringLcsCommands,
  stringMultipleCommands,
  stringNumericCommands,
  stringRangeCommands,
  transactionCommands,
];
