import { ActionIcon, Button, Modal, Stack, Textarea, TextInput } from "@mantine/core";
import { type FormEvent, useState } from "react";
import { useChange } from "../../api/change";
import { makeSecret, replaceSecret, SECRETS, type Secret } from "../../api/secrets";
import { PlusIcon, TrashIcon } from "../../parts/icons";
import { Actions, Hint } from "../../parts/Label";
import { ProblemLine } from "../../parts/ProblemLine";
import { useText } from "../../text";
import { dataOf, isTwice, type Row, rowsOf } from "./secretForm";
import classes from "./settings.module.css";

/** A new secret, or other values for one that there is. */
export function SecretDialog({ secret, onClose }: { secret?: Secret; onClose: () => void }) {
  const text = useText();
  const words = text.secrets;
  const [name, setName] = useState(secret?.name ?? "");
  const [rows, setRows] = useState<Row[]>(rowsOf(secret?.keys ?? []));
  const data = dataOf(rows);
  const wanted = name.trim();
  const change = useChange(
    async () => {
      if (data === null) return;
      await (secret ? replaceSecret(wanted, data) : makeSecret({ name: wanted, data }));
    },
    {
      stale: [SECRETS],
      done: secret ? words.replaced(wanted) : words.made(wanted),
      onDone: onClose,
      quiet: true,
    },
  );
  const put = (at: number, part: Partial<Row>) =>
    setRows(rows.map((row, number) => (number === at ? { ...row, ...part } : row)));
  const submit = (event: FormEvent) => {
    event.preventDefault();
    change.mutate(undefined);
  };
  return (
    <Modal
      opened
      onClose={onClose}
      title={secret ? words.replaceOf(secret.name) : words.addTitle}
      closeButtonProps={{ "aria-label": text.common.close }}
    >
      <form onSubmit={submit} autoComplete="off">
        <Stack gap="sm">
          {secret ? (
            <Hint>{words.replaceHint}</Hint>
          ) : (
            <TextInput
              label={words.name}
              description={words.nameHint}
              data-autofocus
              maxLength={63}
              spellCheck={false}
              value={name}
              onChange={event => setName(event.currentTarget.value)}
            />
          )}
          {rows.map((row, at) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: rows have nothing else that stays
            <div key={at} className={classes.secret}>
              <TextInput
                label={words.key}
                aria-label={words.keyOf(at + 1)}
                maxLength={128}
                spellCheck={false}
                value={row.key}
                onChange={event => put(at, { key: event.currentTarget.value })}
              />
              <Textarea
                label={words.value}
                aria-label={words.valueOf(at + 1)}
                rows={2}
                spellCheck={false}
                autoComplete="off"
                value={row.value}
                onChange={event => put(at, { value: event.currentTarget.value })}
              />
              {rows.length > 1 && (
                <ActionIcon
                  aria-label={words.less(at + 1)}
                  onClick={() => setRows(rows.filter((_, number) => number !== at))}
                >
                  <TrashIcon />
                </ActionIcon>
              )}
            </div>
          ))}
          {isTwice(rows) && <Hint>{words.twice}</Hint>}
          {change.isError && <ProblemLine error={change.error} />}
          <Actions>
            <Button
              variant="subtle"
              leftSection={<PlusIcon size={14} />}
              onClick={() => setRows([...rows, { key: "", value: "" }])}
            >
              {words.more}
            </Button>
            <Button variant="default" onClick={onClose}>
              {text.common.cancel}
            </Button>
            <Button
              type="submit"
              disabled={wanted === "" || data === null}
              loading={change.isPending}
            >
              {words.keep}
            </Button>
          </Actions>
        </Stack>
      </form>
    </Modal>
  );
}
