import { Button, Modal, Stack, Textarea, TextInput } from "@mantine/core";
import { type FormEvent, useState } from "react";
import { useChange } from "../../api/change";
import { Problem } from "../../api/problem";
import { problemText } from "../../api/problemText";
import { Actions } from "../../parts/Label";
import { useText } from "../../text";
import { GROUPS, type Group } from "./data";

const LONGEST_NAME = 128;

type Props = {
  title: string;
  act: string;
  group?: Group;
  save: (name: string, query: string | null) => Promise<Group>;
  onSaved?: (group: Group) => void;
  onClose: () => void;
};

/** Name and query of a group, new or another one. Members by hand stay by hand. */
export function GroupDialog({ title, act, group, save, onSaved, onClose }: Props) {
  const text = useText();
  const words = text.groups;
  const [name, setName] = useState(group?.name ?? "");
  const [query, setQuery] = useState(group?.query ?? "");
  const isByQuery = group === undefined || group.query !== null;
  const change = useChange(
    () => save(name.trim(), isByQuery && query.trim() !== "" ? query.trim() : null),
    {
      stale: [GROUPS],
      quiet: true,
      onDone: saved => {
        onClose();
        onSaved?.(saved);
      },
    },
  );
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (name.trim() !== "") change.mutate(undefined);
  };
  const isOfQuery =
    change.error instanceof Problem &&
    (change.error.code === "untrusted_query" ||
      change.error.fields.some(({ field }) => field === "query"));
  const said = change.isError && problemText(change.error, text);
  return (
    <Modal
      opened
      onClose={onClose}
      title={title}
      closeButtonProps={{ "aria-label": text.common.close }}
    >
      <form onSubmit={submit}>
        <Stack gap="sm">
          <TextInput
            label={words.name}
            data-autofocus
            maxLength={LONGEST_NAME}
            value={name}
            onChange={event => setName(event.currentTarget.value)}
            error={!isOfQuery && said}
          />
          {isByQuery && (
            <Textarea
              label={words.query}
              description={group === undefined ? words.queryHint : words.queryChangeHint}
              autosize
              minRows={2}
              spellCheck={false}
              value={query}
              onChange={event => setQuery(event.currentTarget.value)}
              error={isOfQuery && said}
            />
          )}
          <Actions>
            <Button variant="default" onClick={onClose}>
              {text.common.cancel}
            </Button>
            <Button
              type="submit"
              loading={change.isPending}
              disabled={name.trim() === "" || (group?.query != null && query.trim() === "")}
            >
              {act}
            </Button>
          </Actions>
        </Stack>
      </form>
    </Modal>
  );
}
