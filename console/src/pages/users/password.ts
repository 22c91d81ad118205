/** A password for somebody else's first sign-in. */

/** Without letters that look alike: it may be read out, or written on paper. */
const LETTERS = "abcdefghijkmnpqrstuvwxyzACDEFGHJKLMNPQRTUVWXYZ2346789";
const LENGTH = 20;

/** About 114 bits out of the browser's own source. */
export function newPassword(random: (array: Uint8Array<ArrayBuffer>) => void = fill): string {
  let password = "";
  const bytes = new Uint8Array(1);
  while (password.length < LENGTH) {
    random(bytes);
    // Bytes past the last whole multiple are thrown away: each letter is as likely as any other.
    const byte = bytes[0] ?? 255;
    if (byte < LETTERS.length * Math.floor(256 / LETTERS.length)) {
      password += LETTERS[byte % LETTERS.length];
    }
  }
  return password;
}

function fill(array: Uint8Array<ArrayBuffer>): void {
  crypto.getRandomValues(array);
}
