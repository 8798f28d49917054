interface ConfusionProps {
  readonly title: string;
  readonly classes: readonly string[];
  /** Rows are true classes, columns predicted ones. */
  readonly confusion: readonly (readonly number[])[];
}

/** A confusion matrix with the recall of each class. */
export function Confusion({ title, classes, confusion }: ConfusionProps) {
  return (
    <figure class="chart">
      <figcaption>{title}: true class by row, predicted class by column</figcaption>
      <div class="scroll">
        <table class="confusion small">
          <thead>
            <tr>
              <td />
              {classes.map((name) => (
                <th key={name} scope="col" class="number">
                  {name}
                </th>
              ))}
              <th scope="col" class="number">
                found
              </th>
            </tr>
          </thead>
          <tbody>
            {confusion.map((row, i) => {
              const total = row.reduce((sum, n) => sum + n, 0);
              return (
                <tr key={classes[i]}>
                  <th scope="row">{classes[i]}</th>
                  {row.map((n, k) => (
                    <td
                      key={classes[k]}
                      class={k === i ? "number right" : "number"}
                      style={{ "--share": total > 0 ? n / total : 0 }}
                    >
                      {n}
                    </td>
                  ))}
                  <td class="number">{total > 0 ? `${Math.round((100 * (row[i] ?? 0)) / total)} %` : "none"}</td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
    </figure>
  );
}
