// Rules that some text directives add to "any text". Each throws InvalidValue.

import { InvalidValue } from "./value-types.ts";

/** A check for names of files inside `dir`. */
export function fileName(directive: string, kind: "filename" | "dirname", mayBeEmpty: boolean) {
  return (text: string): void => {
    if (text === "" && !mayBeEmpty) throw new InvalidValue(`${directive} can't be empty`);
    if (text.includes("/")) throw new InvalidValue(`${directive} can't be a path, just a ${kind}`);
  };
}

const HOST_NAME_LENGTH_MAX = 255;

/** Host names that a cluster announces. */
export function hostName(text: string): void {
  if (text.length > HOST_NAME_LENGTH_MAX) {
    throw new InvalidValue("Hostnames must be less than 256 characters");
  }
  for (const char of text) {
    if (!isAlphanumeric(char) && char !== "-" && char !== ".") {
      throw new InvalidValue("Hostnames may only contain alphanumeric characters, hyphens or dots");
    }
  }
}

/** What a cluster node's auxiliary fields cannot hold in the nodes file. */
const NODE_NAME_FORBIDDEN = "!#$%&()*+:;<=>?@[]^{|}~";

/** Names for people that a cluster node announces. */
export function nodeName(text: string): void {
  for (const char of text) {
    if (char < "!" || char > "~" || NODE_NAME_FORBIDDEN.includes(char)) {
      throw new InvalidValue("Announced human node name contained invalid character");
    }
  }
}

/** The variables that a process title may mention. */
export const TITLE_VARIABLES: readonly string[] = [
  "title",
  "listen-addr",
  "server-mode",
  "port",
  "tls-port",
  "unixsocket",
  "config-file",
];

/** A process title: text with `{variable}`; `{{` is a brace. */
export function titleTemplate(text: string): void {
  let at = 0;
  for (;;) {
    const open = text.indexOf("{", at);
    if (open < 0) return;
    if (text[open + 1] === "{") {
      at = open + 2;
      continue;
    }
    const close = text.indexOf("}", open);
    if (close < 0 || !TITLE_VARIABLES.includes(text.slice(open + 1, close).toLowerCase())) {
      throw new InvalidValue("template format is invalid or contains unknown variables");
    }
    at = close + 1;
  }
}

/** Shutting down cannot save and not save. */
export function shutdownOptions(chosen: ReadonlySet<string>): void {
  if (chosen.has("save") && chosen.has("nosave")) {
    throw new InvalidValue("shutdown options SAVE and NOSAVE can't be used simultaneously");
  }
}

function isAlphanumeric(char: string): boolean {
  return (
    (char >= "0" && char <= "9") || (char >= "A" && char <= "Z") || (char >= "a" && char <= "z")
  );
}
