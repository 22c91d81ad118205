import { Button, Modal, Stack, TextInput } from "@mantine/core";
import { type FormEvent, type ReactNode, useState } from "react";
import { useText } from "../text";
import { Actions } from "./Label";

type Props = {
  title: string;
  /** What will happen. */
  children: ReactNode;
  /** On the button: the deed itself. */
  act: string;
  /** To be typed first, for what cannot be undone. */
  typed?: string;
  busy?: boolean;
  onConfirm: () => void;
  onClose: () => void;
};

/** Asks before something that is hard to undo. */
export function Confirm({ title, children, act, typed, busy, onConfirm, onClose }: Props) {
  const text = useText();
  const [value, setValue] = useState("");
  const ready = typed === undefined || value === typed;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (ready) onConfirm();
  };
  return (
    <Modal
      opened
      onClose={onClose}
      title={title}
      size="md"
      closeButtonProps={{ "aria-label": text.common.close }}
    >
      <form onSubmit={submit}>
        <Stack gap="sm">
          <div>{children}</div>
          {typed !== undefined && (
            <TextInput
              label={text.common.typeToConfirm(typed)}
              value={value}
              onChange={event => setValue(event.currentTarget.value)}
              data-autofocus
              autoComplete="off"
              spellCheck={false}
            />
          )}
          <Actions>
            <Button variant="default" onClick={onClose}>
              {text.common.cancel}
            </Button>
            <Button type="submit" color="red.8" disabled={!ready} loading={busy ?? false}>
              {act}
            </Button>
          </Actions>
        </Stack>
      </form>
    </Modal>
  );
}
