import { Button, Modal, Stack, TextInput } from "@mantine/core";
import type { QueryKey } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useChange } from "../api/change";
import { problemText } from "../api/problemText";
import { useText } from "../text";
import { Actions, Hint } from "./Label";

type Props<R> = {
  title: string;
  /** What it is about. */
  hint?: string;
  label: string;
  act: string;
  name?: string;
  longest?: number;
  save: (name: string) => Promise<R>;
  /** Queries to be read again. */
  stale: readonly QueryKey[];
  onSaved?: (saved: R) => void;
  onClose: () => void;
};

/** A text of one line: the name of something, new or another one; a reason. */
export function NameDialog<R>(props: Props<R>) {
  const { title, hint, label, act, name = "", longest = 128 } = props;
  const { save, stale, onSaved, onClose } = props;
  const text = useText();
  const [value, setValue] = useState(name);
  const change = useChange(save, {
    stale,
    quiet: true,
    onDone: saved => {
      onClose();
      onSaved?.(saved);
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (value.trim() !== "") change.mutate(value.trim());
  };
  return (
    <Modal
      opened
      onClose={onClose}
      title={title}
      size="sm"
      closeButtonProps={{ "aria-label": text.common.close }}
    >
      <form onSubmit={submit}>
        <Stack gap="sm">
          {hint !== undefined && <Hint>{hint}</Hint>}
          <TextInput
            label={label}
            data-autofocus
            maxLength={longest}
            value={value}
            onChange={event => setValue(event.currentTarget.value)}
            error={change.isError && problemText(change.error, text)}
          />
          <Actions>
            <Button variant="default" onClick={onClose}>
              {text.common.cancel}
            </Button>
            <Button type="submit" loading={change.isPending} disabled={value.trim() === ""}>
              {act}
            </Button>
          </Actions>
        </Stack>
      </form>
    </Modal>
  );
}
