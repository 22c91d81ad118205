/** What goes over the socket of a session: binary messages, whose first byte is the channel. */

const STDIN = 0;
const STDOUT = 1;
const STDERR = 2;
const STATUS = 3;
const RESIZE = 4;
/** Bytes of a message, without the channel. */
const MOST = 32 * 1024 - 1;

export type Said =
  | { what: "output"; bytes: Uint8Array }
  | { what: "dropped"; lines: number }
  | { what: "ended"; message: string | null };

type StatusMessage = {
  status?: string;
  message?: string;
  reason?: string;
  info?: { dropped?: number };
};

function onChannel(channel: number, bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const message = new Uint8Array(bytes.length + 1);
  message[0] = channel;
  message.set(bytes, 1);
  return message;
}

/** What is typed, in as many messages as it takes. */
export function typed(text: string): Uint8Array<ArrayBuffer>[] {
  const bytes = new TextEncoder().encode(text);
  const messages: Uint8Array<ArrayBuffer>[] = [];
  for (let at = 0; at < bytes.length; at += MOST)
    messages.push(onChannel(STDIN, bytes.subarray(at, at + MOST)));
  return messages;
}

export function resized(columns: number, rows: number): Uint8Array<ArrayBuffer> {
  const size = JSON.stringify({ Width: columns, Height: rows });
  return onChannel(RESIZE, new TextEncoder().encode(size));
}

/** What a message of the device says; null for what means nothing here. */
export function said(message: Uint8Array): Said | null {
  const bytes = message.subarray(1);
  if (message[0] === STDOUT || message[0] === STDERR) return { what: "output", bytes };
  if (message[0] !== STATUS) return null;
  const status = parsed(bytes);
  if (status?.info?.dropped !== undefined) return { what: "dropped", lines: status.info.dropped };
  if (status?.status === undefined) return null;
  return { what: "ended", message: status.status === "Success" ? null : (status.message ?? "") };
}

function parsed(bytes: Uint8Array): StatusMessage | null {
  try {
    return JSON.parse(new TextDecoder().decode(bytes)) as StatusMessage;
  } catch {
    return null;
  }
}
