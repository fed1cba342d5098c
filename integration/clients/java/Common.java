import java.util.Objects;
import java.util.concurrent.Callable;

/** What the programs share. */
final class Common {
    static final String URL = System.getenv("REDIS_URL");
    static final boolean COUNTERS = "yes".equals(System.getenv("COUNTERS"));

    /** Seconds for anything that takes time. */
    static final int PATIENCE = 20;

    interface Step {
        void run(String name) throws Exception;
    }

    private Common() {}

    static void begin(String library, String version) {
        System.out.println("library " + library + " " + version);
        System.out.println("runtime Java " + System.getProperty("java.version"));
    }

    static void passed(String step) {
        System.out.println("passed " + step);
    }

    static void step(String name, int round, Step step) throws Exception {
        step.run(name + ":" + round);
        passed(name);
    }

    static void equal(Object got, Object want) {
        if (!Objects.equals(got, want)) {
            throw new AssertionError("got " + got + ", want " + want);
        }
    }

    static void until(String what, Callable<Boolean> condition) throws Exception {
        long end = System.nanoTime() + PATIENCE * 1_000_000_000L;
        while (!condition.call()) {
            if (System.nanoTime() > end) {
                throw new AssertionError(what + ": not within " + PATIENCE + " s");
            }
            Thread.sleep(10);
        }
    }

    /** Has Redis restarted and waits until the condition sees it; what it throws says that Redis is away. */
    static void restart(Callable<Boolean> served) throws Exception {
        System.out.println("restart");
        until("served again", () -> {
            try {
                return served.call();
            } catch (RuntimeException away) {
                return false;
            }
        });
        passed("restart");
    }

    /** Runs a program to its end, whatever threads its library has left. */
    static void main(Callable<Void> program) {
        try {
            program.call();
            System.out.println("done");
            System.exit(0);
        } catch (Throwable e) {
            e.printStackTrace();
            System.exit(1);
        }
    }
}
