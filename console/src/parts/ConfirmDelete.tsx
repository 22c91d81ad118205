import { Stack } from "@mantine/core";
import type { QueryKey } from "@tanstack/react-query";
import { useChange } from "../api/change";
import { Confirm } from "./Confirm";
import { Hint } from "./Label";
import { ProblemLine } from "./ProblemLine";

type Props = {
  title: string;
  hint: string;
  act: string;
  remove: () => Promise<unknown>;
  stale: QueryKey;
  onClose: () => void;
};

/** Asks before a record is deleted, and stays with the reason where it is not. */
export function ConfirmDelete({ title, hint, act, remove, stale, onClose }: Props) {
  const change = useChange(remove, { stale: [stale], onDone: onClose, quiet: true });
  return (
    <Confirm
      title={title}
      act={act}
      busy={change.isPending}
      onConfirm={() => change.mutate(undefined)}
      onClose={onClose}
    >
      <Stack gap="sm">
        <Hint>{hint}</Hint>
        {change.isError && <ProblemLine error={change.error} />}
      </Stack>
    </Confirm>
  );
}
