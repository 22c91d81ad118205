import { Button } from "@mantine/core";
import type { ReactNode } from "react";
import { PlusIcon } from "./icons";
import { Hint } from "./Label";
import classes from "./label.module.css";
import { Section } from "./Page";
import type { Column, Reading } from "./table/columns";
import { DataTable } from "./table/DataTable";

type Props<R> = {
  words: { title: string; hint: string; none: string; add: string };
  columns: Column<R>[];
  reading: Reading & { data: readonly R[] | undefined };
  /** Absent for who may not. */
  onAdd?: (() => void) | undefined;
  /** Dialogs. */
  children: ReactNode;
};

/** A section of settings that lists records of one kind, and lets somebody add one. */
export function RecordSection<R extends { id: string }>(props: Props<R>) {
  const { words, columns, reading, onAdd, children } = props;
  return (
    <Section
      title={words.title}
      actions={
        onAdd && (
          <Button variant="default" leftSection={<PlusIcon size={14} />} onClick={onAdd}>
            {words.add}
          </Button>
        )
      }
      flush
    >
      <div className={classes.intro}>
        <Hint>{words.hint}</Hint>
      </div>
      <DataTable
        bare
        label={words.title}
        columns={columns}
        rows={reading.data ?? []}
        keyOf={({ id }) => id}
        reading={reading}
        place={40}
        empty={<Hint>{words.none}</Hint>}
      />
      {children}
    </Section>
  );
}
