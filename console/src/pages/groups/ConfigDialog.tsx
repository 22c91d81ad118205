import { Button, Modal, NumberInput, Stack, Textarea } from "@mantine/core";
import { useState } from "react";
import { useChange } from "../../api/change";
import { problemText } from "../../api/problemText";
import { read } from "../../parts/document";
import { Actions, Hint } from "../../parts/Label";
import { Loading } from "../../parts/Loading";
import { ProblemLine } from "../../parts/ProblemLine";
import { useText } from "../../text";
import {
  configOf,
  deleteConfig,
  type Group,
  type GroupConfig,
  previewConfig,
  setConfig,
  useGroupConfig,
} from "./data";

const PRIORITY = 100;

type Props = { group: Group; onClose: () => void };

/** What a group gives its devices of the configuration: see whom it changes, then save it. */
export function ConfigDialog({ group, onClose }: Props) {
  const text = useText();
  const given = useGroupConfig(group.id);
  return (
    <Modal
      opened
      onClose={onClose}
      size="xl"
      title={text.groups.config.title(group.name)}
      closeButtonProps={{ "aria-label": text.common.close }}
    >
      {given.isError ? (
        <ProblemLine error={given.error} onRetry={() => void given.refetch()} />
      ) : given.data === undefined ? (
        <Loading height={260} />
      ) : (
        <Form group={group} given={given.data} onClose={onClose} />
      )}
    </Modal>
  );
}

function Form({ group, given, onClose }: Props & { given: GroupConfig | null }) {
  const text = useText();
  const words = text.groups.config;
  const [typed, setTyped] = useState(() => JSON.stringify(given?.document ?? {}, null, 2));
  const [priority, setPriority] = useState<number | string>(given?.priority ?? PRIORITY);
  const found = read(typed);
  const document = "document" in found ? found.document : null;
  const wanted = document !== null && typeof priority === "number" ? { document, priority } : null;
  const stale = [configOf(group.id)];
  const preview = useChange((next: NonNullable<typeof wanted>) => previewConfig(group.id, next), {
    quiet: true,
  });
  const save = useChange((next: NonNullable<typeof wanted>) => setConfig(group.id, next), {
    stale,
    quiet: true,
    done: words.saved,
    onDone: onClose,
  });
  const remove = useChange(() => deleteConfig(group.id), {
    stale,
    done: words.deleted,
    onDone: onClose,
  });
  const refused = save.error ?? preview.error;
  const type = (next: string) => {
    setTyped(next);
    preview.reset();
    save.reset();
  };
  return (
    <Stack gap="sm">
      <Textarea
        label={words.document}
        description={words.hint}
        classNames={{ input: "mono" }}
        autosize
        minRows={10}
        maxRows={24}
        spellCheck={false}
        data-autofocus
        value={typed}
        error={"problem" in found ? words.notJson(found.problem) : undefined}
        onChange={event => type(event.currentTarget.value)}
      />
      <NumberInput
        label={words.priority}
        description={words.priorityHint}
        min={0}
        max={1000}
        allowDecimal={false}
        clampBehavior="strict"
        value={priority}
        onChange={setPriority}
      />
      {refused !== null && (
        <div role="alert">
          <Hint>{problemText(refused, text)}</Hint>
        </div>
      )}
      {preview.data?.count !== undefined && (
        <div role="status">
          <Hint>{words.changes(preview.data.count)}</Hint>
        </div>
      )}
      <Actions>
        {given !== null && (
          <Button
            variant="default"
            loading={remove.isPending}
            onClick={() => remove.mutate(undefined)}
          >
            {words.delete}
          </Button>
        )}
        <Button
          variant="default"
          disabled={wanted === null}
          loading={preview.isPending}
          onClick={() => wanted && preview.mutate(wanted)}
        >
          {words.check}
        </Button>
        <Button
          disabled={wanted === null}
          loading={save.isPending}
          onClick={() => wanted && save.mutate(wanted)}
        >
          {words.save}
        </Button>
      </Actions>
    </Stack>
  );
}
