import {
  Button,
  MultiSelect,
  NumberInput,
  Select,
  Stack,
  Switch,
  TagsInput,
  TextInput,
} from "@mantine/core";
import { type FormEvent, useState } from "react";
import { useChange } from "../api/change";
import { type EnrollmentToken, makeToken, TOKENS } from "../api/enrollment";
import { problemText } from "../api/problemText";
import { hubNow } from "../live/hubClock";
import { useMay } from "../session/access";
import { useText } from "../text";
import { Actions } from "./Label";
import { useGroupsByName } from "./names";

const HOURS = { hour: 1, day: 24, week: 168, month: 720 } as const;
type Span = keyof typeof HOURS;
const SPANS = Object.keys(HOURS) as Span[];

/** How many devices, until when, and what they get. `onMade` is given the token, this once. */
export function NewEnrollmentToken({ onMade }: { onMade: (made: EnrollmentToken) => void }) {
  const text = useText();
  const words = text.enrollment;
  const may = useMay();
  const groups = useGroupsByName();
  const [name, setName] = useState("");
  const [count, setCount] = useState<number | string>(1);
  const [span, setSpan] = useState<Span>("day");
  const [groupIds, setGroupIds] = useState<string[]>([]);
  const [tags, setTags] = useState<string[]>([]);
  const [approval, setApproval] = useState(false);
  const change = useChange(
    () =>
      makeToken({
        name: name.trim() || words.nameless,
        maxUses: Number(count),
        expiresAt: new Date(hubNow() + HOURS[span] * 3_600_000).toISOString(),
        groupIds,
        labels: {},
        tags,
        approval,
      }),
    { stale: [TOKENS], quiet: true, onDone: onMade },
  );
  const submit = (event: FormEvent) => {
    event.preventDefault();
    change.mutate(undefined);
  };
  return (
    <form onSubmit={submit} autoComplete="off">
      <Stack gap="sm" ta="start">
        <TextInput
          label={`${words.name} (${text.common.optional})`}
          description={words.nameHint}
          maxLength={256}
          value={name}
          error={change.isError && problemText(change.error, text)}
          onChange={event => setName(event.currentTarget.value)}
        />
        <NumberInput
          label={words.count}
          min={1}
          max={1_000_000}
          allowDecimal={false}
          required
          value={count}
          onChange={setCount}
        />
        <Select
          label={words.span}
          allowDeselect={false}
          value={span}
          data={SPANS.map(value => ({ value, label: words.spans[value] }))}
          onChange={value => setSpan(SPANS.find(one => one === value) ?? span)}
        />
        {may("device-groups:list") && (
          <MultiSelect
            label={`${words.groups} (${text.common.optional})`}
            searchable
            value={groupIds}
            data={[...groups].map(([value, label]) => ({ value, label }))}
            onChange={setGroupIds}
          />
        )}
        <TagsInput
          label={`${words.tags} (${text.common.optional})`}
          maxTags={64}
          value={tags}
          onChange={setTags}
        />
        <Switch
          label={words.approval}
          description={words.approvalHint}
          checked={approval}
          onChange={event => setApproval(event.currentTarget.checked)}
        />
        <Actions>
          <Button type="submit" loading={change.isPending} disabled={Number(count) < 1}>
            {words.make}
          </Button>
        </Actions>
      </Stack>
    </form>
  );
}
