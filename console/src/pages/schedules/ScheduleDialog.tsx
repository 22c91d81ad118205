import { Button, Checkbox, Modal, Select, Stack, Textarea, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { notifications } from "@mantine/notifications";
import { useNavigate } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { useChange } from "../../api/change";
import { useCommandSpecs } from "../../api/commands/requests";
import { problemText } from "../../api/problemText";
import { makeSchedule, SCHEDULES, usePreview } from "../../api/schedules";
import { Actions } from "../../parts/Label";
import { ProblemLine } from "../../parts/ProblemLine";
import { TimeText } from "../../parts/TimeText";
import { useMay } from "../../session/access";
import { useText } from "../../text";
import { bodyOf, EMPTY, paramsOf, type ScheduleForm } from "./scheduleForm";

const TYPING_MS = 400;

/** A new schedule of a command, with the times at which it comes. */
export function ScheduleDialog({ onClose }: { onClose: () => void }) {
  const text = useText();
  const words = text.schedules;
  const may = useMay();
  const specs = useCommandSpecs();
  const [form, setForm] = useState(EMPTY);
  const body = bodyOf(form);
  const navigate = useNavigate();
  const change = useChange(
    async () => {
      if (body === null) return;
      const approval = await makeSchedule(body);
      notifications.show({
        message: approval === null ? words.made(form.name) : words.waits(form.name),
      });
      if (approval !== null) await navigate({ to: "/approvals", search: { id: approval } });
    },
    { stale: [SCHEDULES], quiet: true, onDone: onClose },
  );
  const put = (part: Partial<ScheduleForm>) => setForm({ ...form, ...part });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    change.mutate(undefined);
  };
  return (
    <Modal
      opened
      onClose={onClose}
      size="lg"
      title={words.addTitle}
      closeButtonProps={{ "aria-label": text.common.close }}
    >
      <form onSubmit={submit} autoComplete="off">
        <Stack gap="sm">
          <TextInput
            label={words.name}
            data-autofocus
            maxLength={256}
            value={form.name}
            onChange={event => put({ name: event.currentTarget.value })}
          />
          <TextInput
            label={words.cron}
            description={words.cronHint}
            classNames={{ input: "mono" }}
            maxLength={256}
            spellCheck={false}
            value={form.cron}
            onChange={event => put({ cron: event.currentTarget.value })}
          />
          <TextInput
            label={words.timezone}
            description={words.timezoneHint}
            maxLength={64}
            spellCheck={false}
            value={form.timezone}
            onChange={event => put({ timezone: event.currentTarget.value })}
          />
          <Coming cron={form.cron.trim()} timezone={form.timezone.trim()} />
          <TextInput
            label={words.query}
            description={words.queryHint}
            spellCheck={false}
            value={form.query}
            onChange={event => put({ query: event.currentTarget.value })}
          />
          <Select
            label={words.command}
            placeholder={words.choose}
            searchable
            value={form.command}
            onChange={command => put({ command })}
            data={(specs.data ?? [])
              .filter(({ type }) => may(`commands/${type}:create`))
              .map(({ type, title }) => ({ value: type, label: title }))}
          />
          <Textarea
            label={words.params}
            description={words.paramsHint}
            classNames={{ input: "mono" }}
            autosize
            minRows={2}
            spellCheck={false}
            error={paramsOf(form.params) === null && words.notAnObject}
            value={form.params}
            onChange={event => put({ params: event.currentTarget.value })}
          />
          <Checkbox
            label={words.queued}
            checked={form.queued}
            onChange={event => put({ queued: event.currentTarget.checked })}
          />
          {change.isError && <ProblemLine error={change.error} />}
          <Actions>
            <Button variant="default" onClick={onClose}>
              {text.common.cancel}
            </Button>
            <Button type="submit" disabled={body === null} loading={change.isPending}>
              {words.keep}
            </Button>
          </Actions>
        </Stack>
      </form>
    </Modal>
  );
}

/** The next times, as the hub counts them, or why there are none. */
function Coming(typed: { cron: string; timezone: string }) {
  const text = useText();
  const [{ cron, timezone }] = useDebouncedValue(typed, TYPING_MS);
  const preview = usePreview(cron, timezone);
  return (
    <section aria-label={text.schedules.preview} aria-live="polite">
      <strong>{text.schedules.preview}</strong>
      {preview.isError ? (
        <p>{problemText(preview.error, text)}</p>
      ) : (
        <ul>
          {(preview.data ?? []).map(at => (
            <li key={at}>
              <TimeText at={at} full />
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}
