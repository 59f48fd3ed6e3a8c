import java.io.Closeable;
import java.lang.reflect.Constructor;
import java.nio.file.Path;
import java.util.Collection;
import java.util.List;
import org.elasticsearch.common.logging.LogConfigurator;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.env.Environment;
import org.elasticsearch.node.MockNode;
import org.elasticsearch.transport.netty4.Netty4Plugin;

/** A real Elasticsearch node out of the published jars. Arguments: home folder, HTTP port, transport port. */
public final class Node {
    public static void main(String[] arguments) throws Exception {
        Settings settings = Settings.builder()
            .put("path.home", arguments[0])
            .put("path.data", arguments[0] + "/data")
            .put("path.logs", arguments[0] + "/logs")
            .put("cluster.name", "arbkit-tests")
            .put("node.name", "one")
            .put("discovery.type", "single-node")
            .put("network.host", "127.0.0.1")
            .put("http.port", arguments[1])
            .put("transport.port", arguments[2])
            .put("http.type", "netty4")
            .put("transport.type", "netty4")
            .put("cluster.routing.allocation.disk.threshold_enabled", false)
            .build();
        LogConfigurator.configureESLogging();
        LogConfigurator.configureWithoutConfig(settings);
        Environment environment = new Environment(settings, Path.of(arguments[0], "config"));
        // The public constructors initialise the test case class, which refuses to run as root.
        Constructor<MockNode> made =
            MockNode.class.getDeclaredConstructor(Environment.class, Collection.class, boolean.class, Closeable.class);
        made.setAccessible(true);
        Closeable nothing = () -> {};
        MockNode node = made.newInstance(environment, List.of(Netty4Plugin.class), true, nothing);
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            try {
                node.close();
            } catch (Exception error) {
                error.printStackTrace();
            }
        }));
        node.start();
        Thread.currentThread().join();
    }
}
