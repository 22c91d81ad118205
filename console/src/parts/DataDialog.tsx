import { ActionIcon, Button, Modal, Stack, Textarea, TextInput } from "@mantine/core";
import type { QueryKey } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useChange } from "../api/change";
import { useText } from "../text";
import { type Data, dataOf, isTwice, type Row, rowsOf } from "./dataForm";
import { PlusIcon, TrashIcon } from "./icons";
import { Actions, Hint } from "./Label";
import classes from "./label.module.css";
import { ProblemLine } from "./ProblemLine";

type Props = {
  title: string;
  hint?: string;
  /** Of what is there already: that stays. */
  name?: string;
  /** What is in it at first. */
  data: Data;
  mayBeEmpty?: boolean;
  /** Lines of a value. */
  rows: number;
  /** Absent for who may only look. */
  save?: ((name: string, data: Data) => Promise<unknown>) | undefined;
  stale: QueryKey;
  done: (name: string) => string;
  onClose: () => void;
};

/** Named values under one name, new or other ones. */
export function DataDialog(props: Props) {
  const { title, hint, mayBeEmpty = false, save, stale, done, onClose } = props;
  const text = useText();
  const words = text.common.data;
  const [name, setName] = useState(props.name ?? "");
  const [rows, setRows] = useState<Row[]>(rowsOf(props.data));
  const data = dataOf(rows, { mayBeEmpty });
  const wanted = name.trim();
  const change = useChange(async () => data && save?.(wanted, data), {
    stale: [stale],
    done: done(wanted),
    onDone: onClose,
    quiet: true,
  });
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
      size="lg"
      title={title}
      closeButtonProps={{ "aria-label": text.common.close }}
    >
      <form onSubmit={submit} autoComplete="off">
        <Stack gap="sm">
          {hint && <Hint>{hint}</Hint>}
          {props.name === undefined && (
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
            <div key={at} className={classes.data}>
              <TextInput
                label={words.key}
                aria-label={words.keyOf(at + 1)}
                maxLength={128}
                spellCheck={false}
                readOnly={!save}
                value={row.key}
                onChange={event => put(at, { key: event.currentTarget.value })}
              />
              <Textarea
                label={words.value}
                aria-label={words.valueOf(at + 1)}
                classNames={{ input: "mono" }}
                rows={props.rows}
                spellCheck={false}
                autoComplete="off"
                readOnly={!save}
                value={row.value}
                onChange={event => put(at, { value: event.currentTarget.value })}
              />
              {save && rows.length > 1 && (
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
          {save && (
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
          )}
        </Stack>
      </form>
    </Modal>
  );
}
