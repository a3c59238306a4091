// Asks for Stripe itself as stripe-java does, and by the newer client.

import java.io.IOException;
import java.net.HttpURLConnection;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;

class Asks {
  public static void main(String[] given) throws Exception {
    URI stripe = URI.create("https://api.stripe.com/v1/charges");
    try {
      if (given[0].equals("HttpClient")) {
        HttpRequest request = HttpRequest.newBuilder(stripe).build();
        HttpResponse<String> answer =
            HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofString());
        System.out.println(answer.statusCode() == 403 ? "refused: 403" : "answered");
      } else {
        ((HttpURLConnection) stripe.toURL().openConnection()).getResponseCode();
        System.out.println("answered");
      }
    } catch (IOException refused) {
      System.out.println("refused: " + refused);
    }
  }
}
