import { Skeleton } from "@mantine/core";
import { useText } from "../text";

/** The place of what is on its way, as high as it will be. */
export function Loading({ height }: { height: number }) {
  const text = useText();
  return <Skeleton height={height} role="status" aria-busy aria-label={text.common.loading} />;
}
