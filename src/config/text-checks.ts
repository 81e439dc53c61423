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

/** What a cluster node's auxiliary fields cannot hold in the nodes file, besides NUL. */
const NODE_NAME_FORBIDDEN = "!#$%&()*+:;<=>?@[]^{|}~";

/** Names for people that a cluster node announces. */
export function nodeName(text: string): void {
  for (const char of text) {
    if (char === "\0" || NODE_NAME_FORBIDDEN.includes(char)) {
      throw new InvalidValue("Announced human node name contained invalid character");
    }
  }
}

/** The variables that a process title may mention. */
const TITLE_VARIABLES: readonly string[] = [
  "title",
  "listen-addr",
  "server-mode",
  "port",
  "tls-port",
  "unixsocket",
  "config-file",
];

/** Those of them that are empty, or may be, on an ordinary server. */
const EMPTY_VARIABLES: readonly string[] = ["title", "server-mode", "unixsocket"];

const BAD_TEMPLATE = "template format is invalid or contains unknown variables";

/** A process title: text with `{variable}`; `{{` is a brace. The title must not be blank. */
export function titleTemplate(text: string): void {
  let at = 0;
  let isBlank = true;
  while (at < text.length) {
    const open = text.indexOf("{", at);
    const literal = text.slice(at, open < 0 ? text.length : open);
    if (literal.trim() !== "") isBlank = false;
    if (open < 0) break;
    if (text[open + 1] === "{") {
      isBlank = false;
      at = open + 2;
      continue;
    }
    const close = text.indexOf("}", open);
    const variable = close < 0 ? "" : text.slice(open + 1, close);
    if (!TITLE_VARIABLES.includes(variable)) throw new InvalidValue(BAD_TEMPLATE);
    if (!EMPTY_VARIABLES.includes(variable)) isBlank = false;
    at = close + 1;
  }
  if (isBlank) throw new InvalidValue(BAD_TEMPLATE);
}

/** The names of the locales in which text is compared byte by byte; "" is the environment's. */
const BYTE_ORDER_LOCALES: readonly string[] = ["", "C", "POSIX", "C.UTF-8", "C.UTF8", "C.utf8"];

/** A locale: one that orders by bytes, or `language_TERRITORY` and what may follow that. */
export function localeName(text: string): void {
  if (BYTE_ORDER_LOCALES.includes(text)) return;
  const [language, territory = ""] = text.split(/[.@]/, 1)[0].split("_", 2);
  const isLanguage = language.length >= 2 && language.length <= 3 && allBetween(language, "a", "z");
  if (!isLanguage || territory.length !== 2 || !allBetween(territory, "A", "Z")) {
    throw new InvalidValue("Invalid locale name");
  }
}

function allBetween(text: string, first: string, last: string): boolean {
  for (const char of text) if (char < first || char > last) return false;
  return true;
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
