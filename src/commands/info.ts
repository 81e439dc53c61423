// INFO: which sections a call asks for, and their order. What they say is in info-server.ts,
// info-memory.ts and info-activity.ts.

import type { Context } from "./features.ts";
import {
  commandSection,
  debugSection,
  errorSection,
  keysizesSection,
  keyspaceSection,
  latencySection,
  persistenceSection,
  statisticsSection,
} from "./info-activity.ts";
import { memorySection } from "./info-memory.ts";
import {
  clientsSection,
  clusterSection,
  cpuSection,
  modulesSection,
  replicationSection,
  serverSection,
  threadsSection,
} from "./info-server.ts";

/** A line of INFO: a field's name and value. */
export type InfoField = readonly [name: string, value: string | number];

/** A section of INFO. */
export interface Section {
  readonly title: string;
  readonly fields: (c: Context) => InfoField[];
  /** Shown without asking; by "all" and "everything"; only by its name. */
  readonly shown: "default" | "all" | "named";
}

/** In the order in which INFO shows them. */
const SECTIONS: readonly Section[] = [
  { title: "Server", fields: serverSection, shown: "default" },
  { title: "Clients", fields: clientsSection, shown: "default" },
  { title: "Memory", fields: memorySection, shown: "default" },
  { title: "Persistence", fields: persistenceSection, shown: "default" },
  { title: "Threads", fields: threadsSection, shown: "default" },
  { title: "Stats", fields: statisticsSection, shown: "default" },
  { title: "Replication", fields: replicationSection, shown: "default" },
  { title: "CPU", fields: cpuSection, shown: "default" },
  { title: "Modules", fields: modulesSection, shown: "default" },
  { title: "Commandstats", fields: commandSection, shown: "all" },
  { title: "Errorstats", fields: errorSection, shown: "default" },
  { title: "Latencystats", fields: latencySection, shown: "all" },
  { title: "Cluster", fields: clusterSection, shown: "default" },
  { title: "Keyspace", fields: keyspaceSection, shown: "default" },
  { title: "Keysizes", fields: keysizesSection, shown: "default" },
  { title: "Debug", fields: debugSection, shown: "named" },
];

// INFO [section [section ...]]
export function infoCommand(c: Context): void {
  c.reply.verbatim(
    "txt",
    infoText(c, (section) => isWanted(c, section)),
  );
}

/** The sections of INFO that are wanted. */
export function infoText(c: Context, isWanted: (section: Section) => boolean): string {
  c.server.refreshFigures();
  let text = "";
  for (const section of SECTIONS) {
    if (!isWanted(section)) continue;
    if (text !== "") text += "\r\n";
    text += `# ${section.title}\r\n`;
    for (const [name, value] of section.fields(c)) text += `${name}:${value}\r\n`;
  }
  return text;
}

function isWanted(c: Context, section: Section): boolean {
  if (c.count === 1) return section.shown === "default";
  const name = section.title.toLowerCase();
  for (let index = 1; index < c.count; index++) {
    if (c.is(index, name)) return true;
    if (c.is(index, "default") && section.shown === "default") return true;
    const asksForAll = c.is(index, "all") || c.is(index, "everything");
    if (asksForAll && section.shown !== "named") return true;
  }
  return false;
}
