/** The lines at a prompt that make a machine a device of this hub. */

/** Where the agent's package is installed: it starts by itself, now and at each boot. */
export function packageLine(hub: string, key: string): string {
  return `echo ${key} | sudo longline device enroll --hub ${hub} --id my-device`;
}

/** Where there is the command only: the agent runs until it is stopped. */
export function commandLine(hub: string, key: string): string {
  return `LONGLINE_ENROLLMENT_KEY=${key} longline device --hub ${hub} --id my-device`;
}
