import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Consumer;

/** Runs each case after a statement that names it, and prints what came of it, a line each. */
final class Cases {
    interface Case {
        String run() throws Exception;
    }

    interface Call {
        void run() throws Exception;
    }

    private final Map<String, Case> all = new LinkedHashMap<>();

    Cases with(String name, Case run) {
        all.put(name, run);
        return this;
    }

    Cases calling(String name, Call run) {
        return with(name, () -> {
            run.run();
            return "";
        });
    }

    void run(Consumer<String> raw) {
        with("end", () -> "");
        all.forEach((name, run) -> {
            raw.accept("UPDATE orders SET status = 'unpaid', version = 1 /* case " + name + " */");
            String told;
            try {
                told = run.run();
            } catch (Exception error) {
                Throwable cause = error;
                while (cause.getCause() != null) cause = cause.getCause();
                String said = String.valueOf(cause.getMessage()).strip().split("\n")[0].replace("\"", "'");
                told = "raises " + error.getClass().getSimpleName() + ": " + said;
            }
            System.out.println("{\"case\": \"" + name + "\", \"told\": \"" + told + "\"}");
        });
    }

    /** Makes the call a second time: it has to say that another was first. */
    static String twice(Call call) throws Exception {
        call.run();
        try {
            call.run();
        } catch (IllegalStateException error) {
            return "the second: " + error.getMessage();
        }
        return "the second is told nothing";
    }
}
