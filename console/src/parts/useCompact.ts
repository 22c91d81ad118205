import { useMediaQuery } from "@mantine/hooks";

/** Whether the window is as narrow as a phone: what is beside each other then goes below, or away. */
export function useCompact(): boolean {
  return useMediaQuery("(max-width: 47.99em)") ?? false;
}
