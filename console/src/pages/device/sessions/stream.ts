/** A person's end of a session. */
import { hubAddress } from "../../../api/prefix";
import { session } from "../../../session/session";
import { resized, type Said, said, typed } from "./channels";

const SUBPROTOCOL = "longline.session.v1";
/** Bytes that the browser may hold back before keys are dropped. */
const MOST_WAITING = 1024 * 1024;

type Listener = {
  onSaid: (said: Said) => void;
  /** With the reason of the close frame. */
  onClosed: (reason: string) => void;
};

export class ByteStream {
  private readonly socket: WebSocket;
  private size: [number, number] | null = null;

  constructor(path: string, { onSaid, onClosed }: Listener) {
    const address = hubAddress().replace(/^http/, "ws") + path;
    this.socket = new WebSocket(address, SUBPROTOCOL);
    this.socket.binaryType = "arraybuffer";
    this.socket.onopen = () => {
      this.socket.send(JSON.stringify({ type: "auth", token: session.accessToken() }));
      if (this.size !== null) this.socket.send(resized(...this.size));
    };
    this.socket.onmessage = ({ data }: MessageEvent<ArrayBuffer>) => {
      const message = said(new Uint8Array(data));
      if (message !== null) onSaid(message);
    };
    this.socket.onclose = ({ reason, code }) => onClosed(reason || String(code));
  }

  type(text: string): void {
    if (this.socket.readyState !== WebSocket.OPEN || this.socket.bufferedAmount > MOST_WAITING)
      return;
    for (const message of typed(text)) this.socket.send(message);
  }

  resize(columns: number, rows: number): void {
    this.size = [columns, rows];
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(resized(columns, rows));
  }

  close(): void {
    this.socket.onclose = null;
    this.socket.close(1000);
  }
}
